/// One of the two pages with which a file begins; commits write them in turn.
///
///     offset  bytes
///          0     16  page header
///         16      8  magic number, format version
///         24     16  fixed address, size of the map
///         40     96  records of the free list and of the table of tables
///        136     16  last page, number of the commit
struct MetaPage {
  static let byteCount = 152
  private static let magic: UInt32 = 0xBEEF_C0DE
  private static let formatVersion: UInt32 = 1
  /// The free list's keys are integers; no other tree of ours has a flag.
  private static let freeListFlags: UInt16 = 0x08
  private static let pageSizes = 512...32_768

  let page: UInt64
  let pageByteCount: Int
  let freeList: TableRecord
  let tables: TableRecord
  let lastPage: UInt64
  let transaction: UInt64

  /// Reads a meta page and refuses what no commit writes, whether it ended well or not.
  init(_ bytes: RawSpan, page: UInt64) throws(PageFinding) {
    guard bytes.byteCount >= Self.byteCount else { throw PageFinding(0, .cut) }
    guard bytes.halfWord(at: 16) == Self.magic else { throw PageFinding(16, .notAMetaPage) }
    guard bytes.halfWord(at: 20) == Self.formatVersion else {
      throw PageFinding(20, .otherFormatVersion)
    }
    let header = PageHeader(bytes)
    guard header.number == page else {
      throw PageFinding(0, .pageNumber(found: header.number))
    }
    guard header.flags == PageHeader.meta else {
      throw PageFinding(10, .pageKind(found: header.flags))
    }
    guard bytes.word(at: 24) == 0 else { throw PageFinding(24, .mapAddress) }
    self.page = page
    freeList = TableRecord(at: 40, in: bytes, ofPage: page)
    tables = TableRecord(at: 88, in: bytes, ofPage: page)
    lastPage = bytes.word(at: 136)
    transaction = bytes.word(at: 144)
    pageByteCount = Self.pageByteCount(bytes)
    guard Self.pageSizes.contains(pageByteCount), pageByteCount.nonzeroBitCount == 1 else {
      throw PageFinding(40, .pageSize)
    }
    let mapPageCount = bytes.word(at: 32) / UInt64(pageByteCount)
    guard lastPage >= MetaPair.pageCount - 1, lastPage < mapPageCount else {
      throw PageFinding(32, .mapSize)
    }
  }

  static func pageByteCount(_ bytes: RawSpan) -> Int { Int(bytes.halfWord(at: 40)) }

  /// Whether the file could have both trees.
  ///
  /// Not asked of the page that LMDB does not go by: where the write of a meta page fails, LMDB puts back
  /// the number and the last page that were there, and leaves of the rest what was written, all of it as
  /// a rule.
  fileprivate func checkRecords() throws(PageFinding) {
    guard freeList.isPossible(flags: Self.freeListFlags, lastPage: lastPage) else {
      throw PageFinding(40, .tableRecord)
    }
    guard tables.padding == 0, tables.isPossible(flags: 0, lastPage: lastPage) else {
      throw PageFinding(88, .tableRecord)
    }
  }

  /// Whether this is what a new file starts with.
  fileprivate var isInitial: Bool {
    transaction == 0 && freeList.isEmpty && tables.isEmpty && lastPage == MetaPair.pageCount - 1
  }

  /// The roots of both trees, where they have any.
  var roots: [UInt64] { [freeList, tables].filter { !$0.isEmpty }.map(\.root) }

  /// Whether it can be the page that LMDB goes by: commit numbers alternate between the pages, from 0
  /// in both, and a file that has 0 in both is a new one.
  fileprivate var isNewestInTurn: Bool { transaction == 0 ? isInitial : transaction % 2 == page }

  /// Whether it can be the page that the next commit writes over, be it the first that one writes to.
  fileprivate var isOlderInTurn: Bool { transaction == 0 || transaction % 2 == page }
}

/// Both meta pages, checked against each other.
struct MetaPair {
  static let pageCount: UInt64 = 2
  /// A commit may be writing a meta page just now; it takes a microsecond.
  private static let readLimit = 16

  let newest: MetaPage
  let older: MetaPage

  /// Reads the pair until it is the same twice.
  init(of file: PageFile) throws(PageCheckFailure) {
    var bytes = try Self.read(file)
    for _ in 0..<Self.readLimit {
      let again = try Self.read(file)
      if again == bytes { break }
      bytes = again
    }
    try self.init(bytes[0], bytes[1])
  }

  /// Both pages' bytes, unchecked: what a commit is just writing may be torn.
  private static func read(_ file: PageFile) throws(PageCheckFailure) -> [[UInt8]] {
    let first = try file.bytes(at: 0, count: MetaPage.byteCount)
    let isWhole = first.count == MetaPage.byteCount
    let size = isWhole ? MetaPage.pageByteCount(first.rawBytes) : 0
    return [first, try file.bytes(at: UInt64(size), count: MetaPage.byteCount)]
  }

  /// LMDB takes the meta page with the greater number, and opens no file of which it cannot read
  /// both. Nothing else of the older one matters to it; here it shows that no number has changed.
  private init(_ first: [UInt8], _ second: [UInt8]) throws(PageCheckFailure) {
    let first = try Self.checked(first, page: 0, at: 0)
    let size = UInt64(first.pageByteCount)
    let second = try Self.checked(second, page: 1, at: size)
    newest = second.transaction > first.transaction ? second : first
    older = second.transaction > first.transaction ? first : second
    do throws(PageFinding) {
      try newest.checkRecords()
    } catch {
      throw Self.damage(error, page: newest.page, at: newest.page * size)
    }
    let isNew = newest.transaction == 0
    guard second.pageByteCount == first.pageByteCount, newest.isNewestInTurn, older.isOlderInTurn,
      older.lastPage <= newest.lastPage, isNew || newest.transaction == older.transaction + 1
    else { throw Self.damage(PageFinding(144, .commitNumbers), page: older.page, at: 0) }
  }

  private static func checked(
    _ bytes: [UInt8], page: UInt64, at start: UInt64
  ) throws(PageCheckFailure) -> MetaPage {
    do {
      return try MetaPage(bytes.rawBytes, page: page)
    } catch {
      throw damage(error, page: page, at: start)
    }
  }

  private static func damage(
    _ finding: PageFinding, page: UInt64, at start: UInt64
  ) -> PageCheckFailure {
    .damaged(
      PageDamage(
        page: page, offset: start + UInt64(finding.offset), table: nil,
        contradiction: finding.contradiction, entries: .unknown))
  }
}
