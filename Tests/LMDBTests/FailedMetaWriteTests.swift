import LMDB
import Testing

/// Where LMDB cannot write the meta page of a commit, it writes the number and the last page back that
/// the page had before, together with the roots of the commit that failed.
@Suite struct `A file whose last commit could not write its meta page` {
  @Test func `passes every check, and has what was committed before`() throws {
    var random = PageRandom()
    let sample = try PageSample()
    for round in 0..<60 {
      let before = PageImage(try sample.bytes)
      let content = try sample.content()
      try sample.commitSomething(&random)
      let after = PageImage(try sample.bytes)
      try sample.replace(with: after.whereLastMetaFailed(over: before).bytes)
      #expect(try sample.damage() == nil, "seed \(random.seed), round \(round)")
      _ = try sample.environment()
      #expect(try sample.content() == content, "seed \(random.seed), round \(round)")
      // The next commit begins where LMDB goes on, or where it would have without the failure.
      if Bool.random(using: &random) { try sample.replace(with: after.bytes) }
    }
  }

  @Test func `passes while only a part of the new meta page is there`() throws {
    var random = PageRandom()
    let sample = try PageShape.many.sample()
    let before = PageImage(try sample.bytes)
    try sample.commitSomething(&random)
    let after = PageImage(try sample.bytes)
    for count in stride(from: 8, to: 104, by: 8) {
      try sample.replace(with: after.whereMetaIsCut(after: count, over: before).bytes)
      #expect(try sample.damage() == nil, "seed \(random.seed), \(count) bytes")
    }
  }

  @Test func `is told from one whose newest commit has another's number`() throws {
    let sample = try PageShape.many.sample()
    try sample.fill(try sample.environment(), 4000..<6000)
    let image = PageImage(try sample.bytes)
    let newest = try Int(sample.check().transaction)
    var undone = image
    undone.setCommitNumber(newest - 2, ofMeta: newest % 2)
    var doubled = image
    doubled.setCommitNumber(newest + 1, ofMeta: (newest + 1) % 2)
    for changed in [undone, doubled] {
      try sample.replace(with: changed.bytes)
      #expect(try sample.damage()?.contradiction == .commitNumbers)
    }
  }
}

extension PageSample {
  /// A commit of some kind and size.
  fileprivate func commitSomething(_ random: inout PageRandom) throws {
    let environment = try environment()
    let start = Int.random(in: 0..<2000, using: &random)
    let count = Int.random(in: 1..<300, using: &random)
    let size = Int.random(in: 1..<6000, using: &random)
    switch Int.random(in: 0..<3, using: &random) {
    case 0: try clear(environment, start..<start + count)
    case 1: try fill(environment, start..<start + 3)
    default: try fill(environment, start..<start + count / 4, valueSize: { $0 * 37 % size })
    }
  }
}

extension PageImage {
  private static let written = 32..<152
  private static let restored = 136..<152

  /// The meta page that differs from an earlier image's.
  private func changedMeta(since before: PageImage) -> Int {
    [0, 1].first { meta($0) != before.meta($0) } ?? 0
  }

  private func meta(_ page: Int) -> [UInt8] {
    Array(bytes[page * Self.pageByteCount..<page * Self.pageByteCount + 152])
  }

  /// The file that LMDB leaves behind where the write of the newest meta page fails.
  fileprivate func whereLastMetaFailed(over before: PageImage) -> PageImage {
    var image = self
    image.copyMeta(Self.restored, of: before, page: changedMeta(since: before))
    return image
  }

  /// The file where only the first `count` bytes of the meta page were written.
  fileprivate func whereMetaIsCut(after count: Int, over before: PageImage) -> PageImage {
    var image = self
    let rest = Self.written.lowerBound + count..<Self.written.upperBound
    image.copyMeta(rest, of: before, page: changedMeta(since: before))
    return image
  }

  private mutating func copyMeta(_ range: Range<Int>, of other: PageImage, page: Int) {
    let start = page * Self.pageByteCount
    let place = start + range.lowerBound..<start + range.upperBound
    bytes.replaceSubrange(place, with: other.bytes[place])
  }

  fileprivate mutating func setCommitNumber(_ number: Int, ofMeta page: Int) {
    let start = page * Self.pageByteCount + 144
    bytes.replaceSubrange(start..<start + 8, with: number)
  }
}
