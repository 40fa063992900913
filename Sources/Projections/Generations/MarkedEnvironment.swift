internal import LMDB
internal import Synchronization

/// The environment of a generation, which changes only while no mark beside it vouches for its pages.
///
/// It is the one way to them, so that nobody can store what a mark does not know of: a power cut would
/// leave pages of two times, and a mark that takes them for one.
final class MarkedEnvironment: Sendable {
  private let environment: Environment
  private let path: String
  /// Whether a mark on the disk may vouch for the pages.
  private let mayBeVouchedFor = Mutex(true)

  init(path: String, options: Environment.Options) throws(LMDBError) {
    environment = try Environment(path: path, options: options)
    self.path = path
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
    try mayBeVouchedFor.withLock { (mayBe) throws(ProjectionFailure) in
      guard mayBe else { return }
      if try TrustMark(in: path)?.claim == .closed { try TrustMark.remove(from: path) }
      mayBe = false
    }
    do { return try environment.beginWrite() } catch { throw ProjectionFailure(error, path: path) }
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
  func expectVouching() { mayBeVouchedFor.withLock { $0 = true } }

  /// Notes that no mark vouches for the pages.
  func expectChanges() { mayBeVouchedFor.withLock { $0 = false } }

  /// Brings everything to the disk.
  func sync() throws(LMDBError) { try environment.sync() }

  func clearDeadReaders() throws(LMDBError) { try environment.clearDeadReaders() }

  func oldestReader() throws(LMDBError) -> Reader? { try environment.oldestReader() }
}
