internal import Evidence
internal import LMDB
public import QuotaModel
internal import Synchronization

/// An ordered, append-only sequence of records, the only truth of a store: an LMDB environment that is
/// flushed to the disk at every commit.
///
/// One process appends, from one thread; any number of processes may read at the same time.
public final class LMDBLog: Sendable {
  public let path: String
  public let identity: LogIdentity
  let store: LogStore
  /// Belongs to the thread that appends.
  let edge = Mutex(TreeEdge())

  public enum Mode: Sendable {
    case appending
    case reading
  }

  /// Makes an empty log in the existing directory `path`.
  public static func create(at path: String, identity: LogIdentity) throws(LogFailure) {
    let isNew: Bool
    do throws(LMDBError) {
      isNew = try LogStore(path: path, mode: .appending).insert(identity)
    } catch {
      throw LogFailure(error, path: path)
    }
    if !isNew { throw .exists(path: path) }
  }

  /// Opens the log at `path`.
  public init(at path: String, mode: Mode) throws(LogFailure) {
    let store: LogStore
    let entry: [UInt8]?
    do throws(LMDBError) {
      store = try LogStore(path: path, mode: mode)
      entry = try store.identityEntry()
    } catch {
      throw LogFailure(error, path: path)
    }
    guard let entry else { throw .notALog(path: path) }
    identity = try IdentityEntry.read(entry.rawBytes, path: path)
    self.path = path
    self.store = store
  }

  /// Appends a segment, durably, and what the names beside the log have come to with it.
  ///
  /// When it throws, nothing is in the log as far as anybody was told; where anything else than
  /// ``LogFailure/endsElsewhere(at:)`` was thrown, ``recover()`` before the next time.
  public func append(_ segment: Segment, names: NameTally? = nil) throws(LogFailure) {
    try edge.withLock { (edge) throws(LogFailure) in
      let known = edge.tree.take()
      var tree = if let known { known } else { try treeOfRecords() }
      guard tree.size == TreeSize(segment.head.rawValue) else {
        edge.tree = tree
        throw .endsElsewhere(at: Position(tree.size.count))
      }
      // Until the commit has ended well, nobody knows what is on the disk: the tree is read anew.
      let growth = edge.growth(of: &tree, by: segment)
      let head: Position
      do throws(LMDBError) {
        head = try store.append(segment, growth, names)
      } catch {
        throw LogFailure(error, path: path)
      }
      guard head == segment.head else { throw .endsElsewhere(at: head) }
      edge.tree = tree
    }
  }

  /// The last position; zero for an empty log.
  public func head() throws(LogFailure) -> Position {
    do {
      return try store.head()
    } catch {
      throw LogFailure(error, path: path)
    }
  }

  /// Closes and opens the environment, as soon as no reader of this process holds it; questions are
  /// answered meanwhile.
  ///
  /// After a failed flush LMDB may refuse everything, and what it has in memory proves nothing;
  /// what the file says does.
  public func recover() throws(LogFailure) {
    edge.withLock { $0.tree = nil }
    do {
      try store.environment.recover()
    } catch {
      throw LogFailure(error, path: path)
    }
  }

  /// Writes and flushes something that no reader looks at, to learn whether the disk takes it.
  public func probe() throws(LogFailure) {
    do {
      try store.probe()
    } catch {
      throw LogFailure(error, path: path)
    }
  }
}
