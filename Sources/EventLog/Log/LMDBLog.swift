internal import Evidence
internal import LMDB
public import QuotaModel
internal import Synchronization

/// The log of one machine: an LMDB environment that is flushed to the disk at every commit.
///
/// One process appends, from one thread; any number of processes may read at the same time.
public final class LMDBLog: EventLog {
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

  public func append(_ appends: [SegmentAppend]) throws(LogFailure) -> [AppendOutcome] {
    var outcomes: [AppendOutcome] = []
    for append in appends {
      precondition(append.partition == .only, "an embedded log has one partition")
      let conflict = try self.append(append)
      outcomes.append(conflict.map(AppendOutcome.conflict) ?? .appended)
    }
    return outcomes
  }

  /// Appends records and the tiles that they fill; answers where the log ends if not where expected.
  private func append(_ append: SegmentAppend) throws(LogFailure) -> Position? {
    let (segment, head) = (append.segment, append.expectedHead)
    return try edge.withLock { (edge) throws(LogFailure) in
      let known = edge.tree.take()
      var tree = if let known { known } else { try treeOfRecords() }
      guard tree.size == TreeSize(head.rawValue) else {
        edge.tree = tree
        return Position(tree.size.count)
      }
      // Until the commit has ended well, nobody knows what is on the disk: the tree is read anew.
      let growth = edge.growth(of: &tree, by: segment)
      let conflict: Position?
      do throws(LMDBError) {
        conflict = try store.append(segment, behind: head, growth, append.names)
      } catch {
        throw LogFailure(error, path: path)
      }
      if conflict == nil { edge.tree = tree }
      return conflict
    }
  }

  public func heads(of partitions: [Partition]) throws(LogFailure) -> [Position] {
    let head: Position
    do {
      head = try store.head()
    } catch {
      throw LogFailure(error, path: path)
    }
    return partitions.map { _ in head }
  }

  /// The last position of the only partition.
  public func head() throws(LogFailure) -> Position { try heads(of: [.only])[0] }

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
