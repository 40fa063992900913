/// Some of the pages that are in nobody's use, while a write transaction keeps them so.
///
/// The lists of given up pages lie under the numbers of the commits that gave them up. The commit
/// before sees a page that the last one gave up, and so may a reader of an earlier one: only what was
/// given up before all of them is written to.
struct FreePageSlice: ~Copyable {
  /// So many pages are written while writers wait: some milliseconds.
  static let pageLimit = 1024
  private static let freeList = Table(identifier: 0)

  enum Progress {
    case some([UInt64])
    /// Everything up to the horizon is clear.
    case done
    /// The next slice comes further only after another commit.
    case tooRecent
    /// The next slice comes further only when a reader has ended.
    case visible
  }

  private let pages: [UInt64]
  /// Nothing that was given up later was looked at.
  private let limit: UInt64
  private let last: UInt64
  private let lock: WriteTransaction

  /// Takes the next pages that are not among those that are known to be clear.
  @available(*, noasync)
  init(of environment: Environment, without cleared: Set<UInt64>) throws(LMDBError) {
    let lock = try environment.beginWrite()
    let last = lock.number - 1
    var limit = last == 0 ? 0 : last - 1
    if let reader = try environment.oldestCommitInUse() { limit = min(limit, reader) }
    // LMDB shows its lists to readers only; none can be newer than the commit before the lock.
    pages = try Self.pages(
      givenUpBy: limit, seenBy: try environment.beginRead(), without: cleared)
    self.limit = limit
    self.last = last
    self.lock = lock
  }

  private static func pages(
    givenUpBy limit: UInt64, seenBy reader: borrowing ReadTransaction,
    without cleared: Set<UInt64>
  ) throws(LMDBError) -> [UInt64] {
    var cursor = try reader.cursor(in: freeList)
    var found: [UInt64] = []
    var entry = try cursor.first()
    while let list = entry, list.key.word(at: 0) <= limit, found.count < pageLimit {
      let count = min(Int(list.value.word(at: 0)), list.value.byteCount / 8 - 1)
      for index in 0..<count where found.count < pageLimit {
        let page = list.value.word(at: 8 * (index + 1))
        if !cleared.contains(page) { found.append(page) }
      }
      entry = try cursor.next()
    }
    return found
  }

  consuming func clear(
    in file: PageFile, upTo horizon: UInt64
  ) throws(PageCheckFailure) -> Progress {
    let newest = try MetaPair(of: file).newest
    let size = newest.pageByteCount
    let end = try file.byteCount()
    for page in pages where (page + 1) * UInt64(size) <= end {
      try file.clearUnlessClear(at: page * UInt64(size), count: size)
    }
    if !pages.isEmpty { return .some(pages) }
    if limit < horizon { return last - 1 < horizon ? .tooRecent : .visible }
    try clearEnd(of: file, behind: newest)
    return .done
  }

  /// A commit that failed may have left pages behind the last one.
  private func clearEnd(of file: PageFile, behind newest: MetaPage) throws(PageCheckFailure) {
    let start = (newest.lastPage + 1) * UInt64(newest.pageByteCount)
    let end = try file.byteCount()
    if start < end { try file.clearUnlessClear(at: start, count: Int(end - start)) }
  }
}
