internal import Glibc

/// What the leaves of a tree hold.
enum TreeKind {
  /// Number of a commit → pages that it gave up.
  case freeList
  /// Name → `TableRecord`.
  case tables
  /// Whatever was stored.
  case entries
}

/// The way through one tree, from its root to its leaves in the order of the keys.
///
/// It ends whatever the pages say: the depth is the record's, and no page is visited twice.
struct TreeWalk {
  private static let keySizes = 1...511

  private let record: TableRecord
  private let kind: TreeKind
  private let name: String?
  private let check: SnapshotCheck
  private let extent: PageCheck.Extent
  private var branchPageCount: UInt64 = 0
  private var leafPageCount: UInt64 = 0
  private var overflowPageCount: UInt64 = 0
  private var entryCount: UInt64 = 0
  /// The last key of the last leaf without damage.
  private var lastKey: [UInt8]?
  /// The tables that a tree of tables has.
  private(set) var records: [(name: String, record: TableRecord)] = []

  init(
    of record: TableRecord, _ kind: TreeKind, name: String?, in check: SnapshotCheck,
    extent: PageCheck.Extent
  ) {
    self.record = record
    self.kind = kind
    self.name = name
    self.check = check
    self.extent = extent
  }

  mutating func run() throws(PageCheckFailure) {
    if !record.isEmpty { try visit(record.root, level: 1, from: nil, to: nil) }
    if extent == .whole { try checkCounts() }
  }

  /// Visits a page whose keys are at least `lower` and less than `upper`.
  private mutating func visit(
    _ number: UInt64, level: Int, from lower: [UInt8]?, to upper: [UInt8]?
  ) throws(PageCheckFailure) {
    let isLeaf = level == record.depth
    let page: TreePage
    do throws(PageFinding) {
      try check.reach(number)
    } catch {
      throw damage(error, page: number)
    }
    let bytes = try check.read(number)
    do throws(PageFinding) {
      page = try check.treePage(number, bytes: bytes, isLeaf: isLeaf)
      try checkKeys(of: page, from: lower, to: upper)
    } catch {
      throw damage(error, page: number)
    }
    if isLeaf { try visitEntries(of: page) } else { try descend(page, level, lower, upper) }
  }

  private mutating func descend(
    _ page: TreePage, _ level: Int, _ lower: [UInt8]?, _ upper: [UInt8]?
  ) throws(PageCheckFailure) {
    branchPageCount += 1
    let last = page.nodeCount - 1
    let steps = extent == .whole ? 1 : max(last, 1)
    var from = lower
    for index in stride(from: 0, through: last, by: steps) {
      if index > 0 { from = page.key(of: page.node(index)) }
      let to = index < last ? page.key(of: page.node(index + 1)) : upper
      try visit(page.node(index).child, level: level + 1, from: from, to: to)
    }
  }

  private mutating func visitEntries(of page: TreePage) throws(PageCheckFailure) {
    leafPageCount += 1
    entryCount += UInt64(page.nodeCount)
    for index in 0..<page.nodeCount {
      let node = page.node(index)
      let entries = PageDamage.AffectedEntries.at(key: page.key(of: node))
      do throws(PageFinding) {
        try checkFlags(of: node)
      } catch {
        throw damage(error, page: page.number, entries)
      }
      if node.flags == PageNode.isOverflow {
        try visitOverflow(of: node, on: page)
      } else if kind != .entries {
        try take(Array(page.bytes[node.value]), of: node, on: page)
      }
    }
    lastKey = page.key(of: page.node(page.nodeCount - 1))
  }

  private func checkCounts() throws(PageCheckFailure) {
    let counts = [
      (8, record.branchPageCount, branchPageCount), (16, record.leafPageCount, leafPageCount),
      (24, record.overflowPageCount, overflowPageCount), (32, record.entryCount, entryCount),
    ]
    for (offset, recorded, found) in counts where recorded != found {
      throw damage(
        PageFinding(record.place.offset + offset, .count(recorded: recorded, found: found)),
        page: record.place.page, .unknown)
    }
  }

  private func damage(
    _ finding: PageFinding, page: UInt64, _ entries: PageDamage.AffectedEntries? = nil
  ) -> PageCheckFailure {
    // Not every number in a pointer is a place that can be given in bytes.
    let start = page.multipliedReportingOverflow(by: UInt64(check.pageByteCount))
    return .damaged(
      PageDamage(
        page: page,
        offset: start.overflow ? .max : start.partialValue &+ UInt64(finding.offset), table: name,
        contradiction: finding.contradiction,
        entries: entries ?? lastKey.map { .after(key: $0) } ?? .unknown))
  }
}

extension TreeWalk {
  /// LMDB never looks at the first key of a branch; all others grow, within the parent's limits.
  private func checkKeys(
    of page: TreePage, from lower: [UInt8]?, to upper: [UInt8]?
  ) throws(PageFinding) {
    // LMDB stops the process at a branch with one pointer, except in the free list.
    guard page.isLeaf || kind == .freeList || page.nodeCount > 1 else {
      throw PageFinding(12, .pageLimits)
    }
    let bytes = page.bytes.rawBytes
    var before = lower?.rawBytes
    for index in (page.isLeaf ? 0 : 1)..<max(1, page.nodeCount) {
      let node = page.node(index)
      try checkKeySize(of: node)
      let key = bytes.extracting(node.key)
      if let before {
        let order = compare(before, key)
        // The lower limit itself is the first key of a leaf.
        let isFirst = index == 0
        guard order < 0 || (isFirst && order == 0) else {
          throw PageFinding(node.offset, isFirst ? .keyOnWrongPage : .keyOrder)
        }
      }
      before = key
    }
    guard let upper, let before else { return }
    guard compare(before, upper.rawBytes) < 0 else {
      throw PageFinding(page.node(page.nodeCount - 1).offset, .keyOnWrongPage)
    }
  }

  private func checkKeySize(of node: PageNode) throws(PageFinding) {
    let isRight = kind == .freeList ? node.key.count == 8 : Self.keySizes.contains(node.key.count)
    guard isRight else { throw PageFinding(node.offset + 6, .keySize) }
  }

  /// Less than, equal to, or greater than zero, as the keys' order is.
  private func compare(_ left: RawSpan, _ right: RawSpan) -> Int {
    guard kind != .freeList else {
      let (left, right) = (left.word(at: 0), right.word(at: 0))
      return left < right ? -1 : left == right ? 0 : 1
    }
    let count = min(left.byteCount, right.byteCount)
    let order = unsafe left.withUnsafeBytes { (left) in
      unsafe right.withUnsafeBytes { (right) in
        guard let left = left.baseAddress, let right = right.baseAddress else { return 0 as Int32 }
        return unsafe memcmp(left, right, count)
      }
    }
    return order != 0 ? Int(order) : left.byteCount - right.byteCount
  }

  private func checkFlags(of node: PageNode) throws(PageFinding) {
    let isRight =
      switch kind {
      case .freeList, .entries: node.flags == 0 || node.flags == PageNode.isOverflow
      case .tables:
        node.flags == PageNode.isTable && node.valueByteCount == TableRecord.byteCount
      }
    guard isRight else { throw PageFinding(node.offset + 4, .nodeFlags) }
  }

  /// Takes what a leaf of the free list or of the tables says.
  private mutating func take(
    _ value: [UInt8], of node: PageNode, on page: TreePage
  ) throws(PageCheckFailure) {
    do throws(PageFinding) {
      if kind == .freeList {
        let transaction = page.bytes.rawBytes.word(at: node.key.lowerBound)
        try check.addFreePages(value, listedBy: transaction)
      } else {
        try addRecord(of: node, on: page)
      }
    } catch {
      throw damage(
        PageFinding(node.value.lowerBound, error.contradiction), page: page.number, .unknown)
    }
  }

  private mutating func addRecord(of node: PageNode, on page: TreePage) throws(PageFinding) {
    let record = TableRecord(
      at: node.value.lowerBound, in: page.bytes.rawBytes, ofPage: page.number)
    guard check.isPossible(record) else { throw PageFinding(0, .tableRecord) }
    records.append((String(decoding: page.key(of: node), as: UTF8.self), record))
  }

  /// A value on pages of its own, which lie one behind the other.
  private mutating func visitOverflow(
    of node: PageNode, on page: TreePage
  ) throws(PageCheckFailure) {
    let entries = PageDamage.AffectedEntries.at(key: page.key(of: node))
    let first = page.bytes.rawBytes.word(at: node.key.upperBound)
    do throws(PageFinding) {
      try check.reach(first)
    } catch {
      throw damage(error, page: first, entries)
    }
    let header = try check.read(first, count: PageHeader.byteCount)
    do throws(PageFinding) {
      overflowPageCount += try reachOverflow(header, first, byteCount: node.valueByteCount)
    } catch {
      throw damage(error, page: first, entries)
    }
    guard kind == .freeList else { return }
    let value = try check.read(first, count: PageHeader.byteCount + node.valueByteCount)
    try take(Array(value.dropFirst(PageHeader.byteCount)), of: node, on: page)
  }

  private func reachOverflow(
    _ bytes: [UInt8], _ first: UInt64, byteCount: Int
  ) throws(PageFinding) -> UInt64 {
    guard bytes.count == PageHeader.byteCount else { throw PageFinding(0, .cut) }
    let header = PageHeader(bytes.rawBytes)
    guard header.number == first else {
      throw PageFinding(0, .pageNumber(found: header.number))
    }
    guard header.flags == PageHeader.overflow else {
      throw PageFinding(10, .pageKind(found: header.flags))
    }
    let room = header.overflowPageCount * UInt64(check.pageByteCount)
    guard room >= UInt64(PageHeader.byteCount + byteCount) else {
      throw PageFinding(12, .overflowSize)
    }
    for page in (first..<first + header.overflowPageCount).dropFirst() { try check.reach(page) }
    return header.overflowPageCount
  }
}
