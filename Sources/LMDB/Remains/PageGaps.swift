/// The unused parts of the pages that one commit has in use: between the pointers and the nodes of a
/// tree's page, and behind the value on pages of its own.
struct PageGaps {
  let meta: MetaPage
  private let file: PageFile
  private var tiling: NodeTiling
  private var visitedCount = 0

  init(of meta: MetaPage, in file: PageFile) {
    self.meta = meta
    self.file = file
    tiling = NodeTiling(pageByteCount: meta.pageByteCount)
  }

  /// Overwrites them with zeros; false where `mayGoOn` said no before the end.
  mutating func clear(_ mayGoOn: () -> Bool) throws(PageCheckFailure) -> Bool {
    for record in [meta.freeList, meta.tables] where !record.isEmpty {
      guard try visit(record.root, level: 1, of: record, mayGoOn) else { return false }
    }
    return true
  }

  private mutating func visit(
    _ number: UInt64, level: Int, of record: TableRecord, _ mayGoOn: () -> Bool
  ) throws(PageCheckFailure) -> Bool {
    visitedCount += 1
    if visitedCount % 256 == 0, !mayGoOn() { return false }
    let page = try page(number, isLeaf: level == record.depth)
    try clearGap(of: page)
    for index in 0..<page.nodeCount {
      let node = page.node(index)
      if !page.isLeaf {
        guard try visit(node.child, level: level + 1, of: record, mayGoOn) else { return false }
      } else if node.flags & PageNode.isTable != 0 {
        let table = TableRecord(
          at: node.value.lowerBound, in: page.bytes.rawBytes, ofPage: page.number)
        if table.isEmpty { continue }
        guard try visit(table.root, level: 1, of: table, mayGoOn) else { return false }
      } else if node.flags & PageNode.isOverflow != 0 {
        try clearTail(of: node, on: page)
      }
    }
    return true
  }

  mutating func page(
    _ number: UInt64, isLeaf: Bool
  ) throws(PageCheckFailure) -> TreePage {
    guard MetaPair.pageCount <= number && number <= meta.lastPage else {
      throw damage(PageFinding(0, .pointsOutside(to: number)), page: number)
    }
    let bytes = try file.bytes(
      at: number * UInt64(meta.pageByteCount), count: meta.pageByteCount)
    guard bytes.count == meta.pageByteCount else {
      throw damage(PageFinding(0, .cut), page: number)
    }
    do throws(PageFinding) {
      return try TreePage(bytes, number: number, isLeaf: isLeaf, tiling: &tiling)
    } catch {
      throw damage(error, page: number)
    }
  }

  private func clearGap(of page: TreePage) throws(PageCheckFailure) {
    let header = PageHeader(page.bytes.rawBytes)
    let gap = header.lower..<header.upper
    guard page.bytes[gap].contains(where: { $0 != 0 }) else { return }
    try file.clear(
      at: page.number * UInt64(meta.pageByteCount) + UInt64(gap.lowerBound), count: gap.count)
  }

  /// A value may have become shorter on the pages that it had.
  private func clearTail(
    of node: PageNode, on page: TreePage
  ) throws(PageCheckFailure) {
    let first = page.bytes.rawBytes.word(at: node.key.upperBound)
    let start = first.multipliedReportingOverflow(by: UInt64(meta.pageByteCount))
    guard first <= meta.lastPage, !start.overflow else {
      throw damage(PageFinding(0, .pointsOutside(to: first)), page: page.number)
    }
    let bytes = try file.bytes(at: start.partialValue, count: PageHeader.byteCount)
    guard bytes.count == PageHeader.byteCount else {
      throw damage(PageFinding(0, .cut), page: first)
    }
    let header = PageHeader(bytes.rawBytes)
    let room = Int(header.overflowPageCount) * meta.pageByteCount
    let used = PageHeader.byteCount + node.valueByteCount
    guard header.number == first, header.flags == PageHeader.overflow, room >= used,
      header.overflowPageCount <= meta.lastPage
    else { throw damage(PageFinding(12, .overflowSize), page: first) }
    try file.clearUnlessClear(at: start.partialValue + UInt64(used), count: room - used)
  }

  func damage(_ finding: PageFinding, page: UInt64) -> PageCheckFailure {
    let start = page.multipliedReportingOverflow(by: UInt64(meta.pageByteCount))
    return .damaged(
      PageDamage(
        page: page,
        offset: start.overflow ? .max : start.partialValue &+ UInt64(finding.offset), table: nil,
        contradiction: finding.contradiction, entries: .unknown))
  }
}
