/// What is wrong with one page, and where in the page.
struct PageFinding: Error {
  let offset: Int
  let contradiction: PageContradiction

  init(_ offset: Int, _ contradiction: PageContradiction) {
    self.offset = offset
    self.contradiction = contradiction
  }
}

/// The sixteen bytes with which every page begins.
///
///     offset  bytes
///          0      8  number of the page
///          8      2  unused in the pages that we have
///         10      2  kind
///         12      4  end of the pointers, start of the nodes; of a value: its pages
struct PageHeader {
  static let byteCount = 16
  static let branch: UInt16 = 0x01
  static let leaf: UInt16 = 0x02
  static let overflow: UInt16 = 0x04
  static let meta: UInt16 = 0x08

  let number: UInt64
  let flags: UInt16
  let lower: Int
  let upper: Int
  let overflowPageCount: UInt64

  init(_ bytes: RawSpan) {
    number = bytes.word(at: 0)
    flags = bytes.shortWord(at: 10)
    lower = Int(bytes.shortWord(at: 12))
    upper = Int(bytes.shortWord(at: 14))
    overflowPageCount = UInt64(bytes.halfWord(at: 12))
  }
}

/// An entry of a leaf, or a pointer of a branch, as it lies in its page.
///
///     offset  bytes
///          0      4  of an entry the size of its value, of a pointer the page's lower bits
///          4      2  of an entry flags, of a pointer the page's upper bits
///          6      2  size of the key
///          8         key, then value, rounded up to two bytes
struct PageNode {
  static let headerByteCount = 8
  static let isOverflow: UInt16 = 0x01
  static let isTable: UInt16 = 0x02

  let offset: Int
  let flags: UInt16
  let key: Range<Int>
  let valueByteCount: Int

  init(at offset: Int, in bytes: RawSpan) {
    self.offset = offset
    valueByteCount = Int(bytes.halfWord(at: offset))
    flags = bytes.shortWord(at: offset + 4)
    let start = offset + Self.headerByteCount
    key = start..<start + Int(bytes.shortWord(at: offset + 6))
  }

  /// Of a branch: the page below.
  var child: UInt64 { UInt64(valueByteCount) | UInt64(flags) << 32 }

  /// Where a value lies that is in the page itself.
  var value: Range<Int> { key.upperBound..<key.upperBound + valueByteCount }

  fileprivate func byteCount(isLeaf: Bool) -> Int {
    let value = !isLeaf ? 0 : flags & Self.isOverflow != 0 ? 8 : valueByteCount
    return (Self.headerByteCount + key.count + value + 1) & ~1
  }
}

/// A branch or leaf page whose nodes are known to fill the page's end without a gap.
///
/// LMDB closes every gap at once; so the sizes of all nodes are checked against one another.
struct TreePage {
  let number: UInt64
  let isLeaf: Bool
  let bytes: [UInt8]
  let nodeCount: Int

  init(
    _ bytes: [UInt8], number: UInt64, isLeaf: Bool, tiling: inout NodeTiling
  ) throws(PageFinding) {
    let header = PageHeader(bytes.rawBytes)
    guard header.number == number else {
      throw PageFinding(0, .pageNumber(found: header.number))
    }
    guard header.flags == (isLeaf ? PageHeader.leaf : PageHeader.branch) else {
      throw PageFinding(10, .pageKind(found: header.flags))
    }
    guard header.lower > PageHeader.byteCount, header.lower % 2 == 0,
      header.lower <= header.upper, header.upper < bytes.count
    else { throw PageFinding(12, .pageLimits) }
    self.number = number
    self.isLeaf = isLeaf
    self.bytes = bytes
    nodeCount = (header.lower - PageHeader.byteCount) / 2
    try checkPlaces(upper: header.upper, &tiling)
  }

  func node(_ index: Int) -> PageNode {
    PageNode(at: Int(bytes.rawBytes.shortWord(at: pointer(index))), in: bytes.rawBytes)
  }

  func key(of node: PageNode) -> [UInt8] { Array(bytes[node.key]) }

  func pointer(_ index: Int) -> Int { PageHeader.byteCount + 2 * index }

  private func checkPlaces(upper: Int, _ tiling: inout NodeTiling) throws(PageFinding) {
    for index in 0..<nodeCount {
      let place = Int(bytes.rawBytes.shortWord(at: pointer(index)))
      guard place >= upper, place <= bytes.count - PageNode.headerByteCount, place % 2 == 0 else {
        throw PageFinding(pointer(index), .nodePlace)
      }
      let size = PageNode(at: place, in: bytes.rawBytes).byteCount(isLeaf: isLeaf)
      guard place + size <= bytes.count, tiling.add(size, at: place) else {
        throw PageFinding(place, .nodePlace)
      }
    }
    if let gap = tiling.firstGap(from: upper, to: bytes.count, nodeCount: nodeCount) {
      throw PageFinding(gap, .nodePlace)
    }
  }
}

/// The sizes of a page's nodes by their place; empty again after each page without damage.
struct NodeTiling {
  private var sizes: [UInt16]

  init(pageByteCount: Int) { sizes = Array(repeating: 0, count: pageByteCount / 2) }

  /// Notes a node; answers whether none was there.
  fileprivate mutating func add(_ size: Int, at place: Int) -> Bool {
    guard sizes[place / 2] == 0 else { return false }
    sizes[place / 2] = UInt16(size)
    return true
  }

  /// The first place between nodes where there is none, or where two overlap.
  fileprivate mutating func firstGap(from start: Int, to end: Int, nodeCount: Int) -> Int? {
    var place = start
    var left = nodeCount
    while place < end {
      let size = Int(sizes[place / 2])
      guard size > 0 else { return place }
      sizes[place / 2] = 0
      place += size
      left -= 1
    }
    return left == 0 && place == end ? nil : start
  }
}
