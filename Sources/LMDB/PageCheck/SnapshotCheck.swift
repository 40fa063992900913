/// The check of one commit: its list of free pages, its table of tables, and every table.
final class SnapshotCheck {
  private let file: PageFile
  private let metas: MetaPair
  private let extent: PageCheck.Extent
  private let progress: ((UInt64, UInt64) -> Void)?
  /// Whole pages in the file.
  private let pageCount: UInt64
  private var reached: PageSet
  private var free: PageSet
  /// Free pages behind the file's end. A page that was taken and given up within one commit is
  /// never written, so a file may end before its last page.
  private var freeBehindEnd: Set<UInt64> = []
  /// Roots of the older meta page that the newest commit is not known to have given up.
  private var replacedRoots: Set<UInt64>
  /// Whether the newest commit lists pages that it gave up.
  private var listsItself = false
  private var tiling: NodeTiling

  init(
    of metas: MetaPair, in file: PageFile, extent: PageCheck.Extent,
    progress: ((UInt64, UInt64) -> Void)?
  ) throws(PageCheckFailure) {
    self.file = file
    self.metas = metas
    self.extent = extent
    self.progress = progress
    let size = metas.newest.pageByteCount
    pageCount = try file.byteCount() / UInt64(size)
    reached = PageSet(pageCount: extent == .whole ? pageCount : 0)
    free = PageSet(pageCount: extent == .whole ? pageCount : 0)
    tiling = NodeTiling(pageByteCount: size)
    replacedRoots = Set(metas.older.roots)
  }

  func run(
    expecting names: [String]?, optional: Set<String>
  ) throws(PageCheckFailure) -> PageSummary {
    // The free list comes first: then each page in use is compared with it as it is reached.
    try walk(metas.newest.freeList, TreeKind.freeList, name: nil)
    if extent == .whole { try checkFreeList() }
    let records = try walk(metas.newest.tables, TreeKind.tables, name: nil)
    if let names, names.sorted() != records.map(\.name).filter({ !optional.contains($0) }) {
      throw damage(88, .tableNames, page: metas.newest.page)
    }
    var tables: [TableSummary] = []
    for (name, record) in records {
      try walk(record, TreeKind.entries, name: name)
      tables.append(TableSummary(name: name, record))
    }
    if extent == .whole { try checkOlderRoots() }
    let reachedCount = MetaPair.pageCount + reached.count
    progress?(pageCount, pageCount)
    return PageSummary(
      transaction: metas.newest.transaction, pageByteCount: metas.newest.pageByteCount,
      pageCount: pageCount, reachedPageCount: reachedCount,
      freePageCount: free.count + UInt64(freeBehindEnd.count), tables: tables)
  }

  @discardableResult
  private func walk(
    _ record: TableRecord, _ kind: TreeKind, name: String?
  ) throws(PageCheckFailure) -> [(name: String, record: TableRecord)] {
    var walk = TreeWalk(of: record, kind, name: name, in: self, extent: extent)
    try walk.run()
    return walk.records
  }

  /// A commit lists what it gives up under its own number. So the lists prove that the meta pages
  /// carry the numbers of their commits: were one of them changed, LMDB would go on from the older
  /// commit without a word.
  private func checkFreeList() throws(PageCheckFailure) {
    let isFirstCommit = metas.newest.transaction < 2
    guard replacedRoots.isEmpty || listsItself || isFirstCommit else {
      throw damage(144, .commitNumbers, page: metas.older.page)
    }
    guard metas.newest.lastPage < pageCount + UInt64(freeBehindEnd.count) else {
      throw damage(136, .lastPage, page: metas.newest.page)
    }
  }

  /// What the older meta page points to is not in use: the newest commit gave it up, or the commit
  /// after that made it, and failed to write its meta page.
  private func checkOlderRoots() throws(PageCheckFailure) {
    guard !replacedRoots.contains(where: { $0 < pageCount && reached.contains($0) }) else {
      throw damage(144, .commitNumbers, page: metas.older.page)
    }
  }

  private func damage(
    _ offset: Int, _ contradiction: PageContradiction, page: UInt64
  ) -> PageCheckFailure {
    let start = page * UInt64(metas.newest.pageByteCount)
    return .damaged(
      PageDamage(
        page: page, offset: start + UInt64(offset), table: nil, contradiction: contradiction,
        entries: .unknown))
  }
}

extension SnapshotCheck {
  var pageByteCount: Int { metas.newest.pageByteCount }
  var lastPage: UInt64 { metas.newest.lastPage }

  /// Whether a table could be as its record says.
  func isPossible(_ record: TableRecord) -> Bool {
    record.padding == 0 && record.isPossible(flags: 0, lastPage: lastPage)
  }

  /// Takes possession of a page, which nothing else may have reached and nobody may reuse.
  func reach(_ page: UInt64) throws(PageFinding) {
    guard MetaPair.pageCount <= page && page <= lastPage else {
      throw PageFinding(0, .pointsOutside(to: page))
    }
    guard page < pageCount else { throw PageFinding(0, .cut) }
    guard extent == .whole else { return }
    if free.contains(page) { throw PageFinding(0, .isFree) }
    guard reached.insert(page) else { throw PageFinding(0, .reachedTwice) }
    if reached.count % 4096 == 0 { progress?(reached.count, pageCount) }
  }

  /// The first `count` bytes of a page, all of them unless told.
  func read(_ page: UInt64, count: Int? = nil) throws(PageCheckFailure) -> [UInt8] {
    try file.bytes(at: page * UInt64(pageByteCount), count: count ?? pageByteCount)
  }

  /// A page that is reached as part of a tree.
  func treePage(
    _ number: UInt64, bytes: [UInt8], isLeaf: Bool
  ) throws(PageFinding) -> TreePage {
    guard bytes.count == pageByteCount else { throw PageFinding(0, .cut) }
    return try TreePage(bytes, number: number, isLeaf: isLeaf, tiling: &tiling)
  }

  /// Takes one list of free pages into account: a count, then the pages from the last to the first.
  ///
  /// Whatever lies behind them is room that was reserved and not needed.
  func addFreePages(_ list: [UInt8], listedBy transaction: UInt64) throws(PageFinding) {
    let words = list.rawBytes
    let room = UInt64(list.count / 8)
    guard list.count % 8 == 0, room > 0, words.word(at: 0) < room,
      transaction <= metas.newest.transaction
    else { throw PageFinding(0, .freeList) }
    guard extent == .whole else { return }
    if transaction == metas.newest.transaction { listsItself = true }
    var before = UInt64.max
    for index in 0..<Int(words.word(at: 0)) {
      let page = words.word(at: 8 * (index + 1))
      guard page < before else { throw PageFinding(0, .freeList) }
      try addFreePage(page)
      if transaction == metas.newest.transaction { replacedRoots.remove(page) }
      before = page
    }
  }

  private func addFreePage(_ page: UInt64) throws(PageFinding) {
    guard MetaPair.pageCount <= page && page <= lastPage else {
      throw PageFinding(0, .pointsOutside(to: page))
    }
    guard page < pageCount else {
      guard freeBehindEnd.insert(page).inserted else { throw PageFinding(0, .freeList) }
      return
    }
    if reached.contains(page) { throw PageFinding(0, .isFree) }
    guard free.insert(page) else { throw PageFinding(0, .freeList) }
  }
}

extension TableSummary {
  fileprivate init(name: String, _ record: TableRecord) {
    self.init(
      name: name, depth: record.depth, branchPageCount: record.branchPageCount,
      leafPageCount: record.leafPageCount, overflowPageCount: record.overflowPageCount,
      entryCount: record.entryCount)
  }
}
