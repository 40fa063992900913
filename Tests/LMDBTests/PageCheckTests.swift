import LMDB
import Testing

@Suite struct `A page check` {
  @Test(arguments: PageShape.allCases)
  func `passes a healthy file and counts what LMDB counts`(_ shape: PageShape) throws {
    let sample = try shape.sample()
    let summary = try sample.check()
    let content = try sample.content()
    #expect(summary.tables.map(\.name) == PageSample.tables)
    #expect(summary.tables.map { Int($0.entryCount) } == content.counts)
    #expect(summary.reachedPageCount + summary.freePageCount == summary.pageCount)
  }

  @Test func `sees depth, values on their own pages, and a list of free pages that fills many`()
    throws
  {
    #expect(try PageShape.deep.sample().check().tables[0].depth > 3)
    #expect(try PageShape.values.sample().check().tables[0].overflowPageCount > 20)
    #expect(try PageShape.longFreeList.sample().check().freePageCount > 1500)
  }

  @Test func `passes after every one of many random commits`() throws {
    var random = PageRandom()
    let sample = try PageSample()
    let environment = try sample.environment()
    for round in 0..<250 {
      let start = Int.random(in: 0..<2000, using: &random)
      let count = Int.random(in: 1..<200, using: &random)
      if Bool.random(using: &random) {
        let size = Int.random(in: 1..<6000, using: &random)
        try sample.fill(environment, start..<start + count / 4, valueSize: { $0 * 37 % size })
      } else {
        try sample.clear(environment, start..<start + count)
      }
      #expect(try sample.damage() == nil, "seed \(random.seed), round \(round)")
    }
  }
}
