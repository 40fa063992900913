internal import LMDB
internal import Synchronization

/// The environment of a generation, which changes only while no mark beside it vouches for its pages.
///
/// It is the one way to them, so that nobody can store what a mark does not know of: a power cut would
/// leave pages of two times, and a mark that takes them for one.
final class MarkedEnvironment: Sendable {
  private let environment: Environment
  private let path: String
  private let vouching = Mutex(Vouching())
  /// Brings a directory's names to the disk.
  private let flush: @Sendable (_ path: String) throws(ProjectionFailure) -> Void

  private struct Vouching {
    /// Whether a mark on the disk may vouch for the pages.
    var isPossible = true
    /// Whether one was taken away of which the disk may not know: it could come back with a power cut.
    var owesFlush = false
  }

  init(
    path: String, options: Environment.Options,
    flush: @escaping @Sendable (_ path: String) throws(ProjectionFailure) -> Void = {
      (path) throws(ProjectionFailure) in try RunDirectory.sync(path)
    }
  ) throws(LMDBError) {
    environment = try Environment(path: path, options: options)
    self.path = path
    self.flush = flush
  }

  func table(_ name: String) throws(LMDBError) -> Table { try environment.table(name) }

  func beginRead() throws(LMDBError) -> ReadTransaction { try environment.beginRead() }

  /// For whoever is going to change something before it ends.
  func beginReadBeforeWrite() throws(LMDBError) -> ReadTransaction {
    try environment.beginReadBeforeWrite()
  }

  /// Begins to change something. Where a mark says that the pages are closed, it is taken away before,
  /// durably, which a full disk has room for.
  @available(*, noasync)
  func beginWrite() throws(ProjectionFailure) -> WriteTransaction {
    try vouching.withLock { (vouching) throws(ProjectionFailure) in
      if vouching.isPossible { try endVouching(&vouching) }
    }
    do { return try environment.beginWrite() } catch { throw ProjectionFailure(error, path: path) }
  }

  private func endVouching(_ vouching: inout Vouching) throws(ProjectionFailure) {
    if try TrustMark(in: path)?.claim == .closed {
      vouching.owesFlush = true
      try TrustMark.unlink(from: path)
    }
    if vouching.owesFlush { try flush(path) }
    vouching = Vouching(isPossible: false)
  }

  /// Commits what `body` changes.
  func write<Result>(
    _ body: (inout WriteTransaction) throws(LMDBError) -> Result
  ) throws(ProjectionFailure) -> Result {
    var transaction = try beginWrite()
    do throws(LMDBError) {
      let result = try body(&transaction)
      try transaction.commit()
      return result
    } catch {
      throw ProjectionFailure(error, path: path)
    }
  }

  /// Notes that a mark is about to vouch for the pages.
  func expectVouching() { vouching.withLock { $0.isPossible = true } }

  /// Notes that no mark vouches for the pages.
  func expectChanges() { vouching.withLock { $0 = Vouching(isPossible: false) } }

  /// Brings everything to the disk.
  func sync() throws(LMDBError) { try environment.sync() }

  func clearDeadReaders() throws(LMDBError) { try environment.clearDeadReaders() }

  func oldestReader() throws(LMDBError) -> Reader? { try environment.oldestReader() }
}
