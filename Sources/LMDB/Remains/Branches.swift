/// The branches of one commit's tables, which tell pages apart by the keys with which they began.
struct Branches {
  private var pages: PageGaps
  private var keys: [[UInt8]] = []

  init(of meta: MetaPage, in file: PageFile) { pages = PageGaps(of: meta, in: file) }

  /// The keys in the branches of the table; no leaf of it is read.
  mutating func keys(of name: String) throws(PageCheckFailure) -> [[UInt8]] {
    keys = []
    let tables = pages.meta.tables
    guard !tables.isEmpty,
      let table = try record(of: Array(name.utf8), below: tables.root, level: 1), !table.isEmpty
    else { return [] }
    try collect(below: table.root, level: 1, depth: table.depth)
    return keys
  }

  private mutating func collect(
    below number: UInt64, level: Int, depth: Int
  ) throws(PageCheckFailure) {
    if level >= depth { return }
    let page = try pages.page(number, isLeaf: false)
    for index in 0..<page.nodeCount {
      let node = page.node(index)
      // The first key of a branch says nothing, and mostly is not there.
      if !node.key.isEmpty { keys.append(page.key(of: node)) }
      try collect(below: node.child, level: level + 1, depth: depth)
    }
  }

  private mutating func record(
    of name: [UInt8], below number: UInt64, level: Int
  ) throws(PageCheckFailure) -> TableRecord? {
    let page = try pages.page(number, isLeaf: level == pages.meta.tables.depth)
    for index in 0..<page.nodeCount {
      let node = page.node(index)
      if page.isLeaf, page.key(of: node) == name {
        return TableRecord(at: node.value.lowerBound, in: page.bytes.rawBytes, ofPage: number)
      }
      if !page.isLeaf, let found = try record(of: name, below: node.child, level: level + 1) {
        return found
      }
    }
    return nil
  }
}
