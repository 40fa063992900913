internal import Glibc

extension Environment {
  /// Overwrites with zeros what removed and replaced entries left behind in the file: LMDB gives up
  /// pages and moves entries within pages, and leaves the bytes where they were.
  ///
  /// What was removed before the call is gone from the file when this answers true. Writers go on
  /// meanwhile and wait for a few milliseconds at most; the pages in use are read once. A reader that
  /// still sees what was removed is waited for; false where `mayGoOn` said no before the end. Nothing
  /// is lost by a crash: what was overwritten was of no use.
  ///
  /// `touch` commits anything at all. An environment that was opened before the removal keeps buffers
  /// with old bytes, which it may write into unused parts of new pages: open it again first.
  @available(*, noasync)
  public func overwriteRemains(
    touch: () throws(LMDBError) -> Void, mayGoOn: () -> Bool
  ) throws(LMDBError) -> Bool {
    do throws(PageCheckFailure) {
      let file = try PageFile(path: dataPath, isWritable: true)
      guard let horizon = try clearGaps(in: file, mayGoOn) else { return false }
      let isDone = try clearFreePages(givenUpBy: horizon, in: file, touch, mayGoOn)
      try file.sync()
      return isDone
    } catch {
      throw LMDBError(error)
    }
  }

  /// Clears the unused parts of the pages in use; answers the number of the commit that they belong
  /// to, or nil where it did not come to the end.
  ///
  /// As long as a reader lives, no page is used again that any commit from the reader's on has in use:
  /// so the file can be written to beside a writer.
  private func clearGaps(
    in file: PageFile, _ mayGoOn: () -> Bool
  ) throws(PageCheckFailure) -> UInt64? {
    let reader = try translated { () throws(LMDBError) in try beginRead() }
    let newest = try MetaPair(of: file).newest
    var gaps = PageGaps(of: newest, in: file)
    let isDone = try gaps.clear(mayGoOn)
    _ = consume reader
    return isDone ? newest.transaction : nil
  }

  /// Clears the pages that commits up to `horizon` gave up, a few at a time.
  private func clearFreePages(
    givenUpBy horizon: UInt64, in file: PageFile, _ touch: () throws(LMDBError) -> Void,
    _ mayGoOn: () -> Bool
  ) throws(PageCheckFailure) -> Bool {
    var cleared: Set<UInt64> = []
    while mayGoOn() {
      let slice = try translated { () throws(LMDBError) in
        try clearDeadReaders()
        return try FreePageSlice(of: self, without: cleared)
      }
      switch try slice.clear(in: file, upTo: horizon) {
      case .some(let pages): cleared.formUnion(pages)
      case .done: return true
      case .tooRecent: try translated { () throws(LMDBError) in try touch() }
      case .visible: usleep(20_000)
      }
    }
    return false
  }

  /// The keys that the branches of `table` have, removed ones too: a branch keeps the keys with which
  /// its pages once began, and only writing the table anew ends that.
  public func branchKeys(of table: String) throws(LMDBError) -> [[UInt8]] {
    do throws(PageCheckFailure) {
      let file = try PageFile(path: dataPath)
      let reader = try translated { () throws(LMDBError) in try beginRead() }
      var branches = Branches(of: try MetaPair(of: file).newest, in: file)
      let keys = try branches.keys(of: table)
      _ = consume reader
      return keys
    } catch {
      throw LMDBError(error)
    }
  }
}

/// The same with the failure that the pages' readers have.
func translated<Result>(
  _ body: () throws(LMDBError) -> Result
) throws(PageCheckFailure) -> Result where Result: ~Copyable {
  do { return try body() } catch { throw .unreadable(error) }
}

extension LMDBError {
  fileprivate init(_ failure: PageCheckFailure) {
    switch failure {
    case .unreadable(let error): self = error
    case .damaged(let damage): self.init(damage)
    case .busy: preconditionFailure("only a whole check compares what it read at two times")
    }
  }
}

extension PageFile {
  private static let zeros = [UInt8](repeating: 0, count: 64 << 10)

  /// Overwrites `count` bytes with zeros.
  func clear(at offset: UInt64, count: Int) throws(PageCheckFailure) {
    var written = 0
    while written < count {
      let length = min(count - written, Self.zeros.count)
      let result = unsafe Self.zeros.withUnsafeBytes {
        unsafe pwrite(descriptor, $0.baseAddress, length, off_t(offset) + off_t(written))
      }
      if result < 0 && errno == EINTR { continue }
      guard result > 0 else { throw .unreadable(LMDBError(code: errno)) }
      written += result
    }
  }

  /// Overwrites the range where it is not zeros already; whole reads are cheaper than needless writes.
  func clearUnlessClear(at offset: UInt64, count: Int) throws(PageCheckFailure) {
    guard try bytes(at: offset, count: count).contains(where: { $0 != 0 }) else { return }
    try clear(at: offset, count: count)
  }

  /// Brings what was written to the disk.
  func sync() throws(PageCheckFailure) {
    guard fdatasync(descriptor) == 0 else { throw .unreadable(LMDBError(code: errno)) }
  }
}
