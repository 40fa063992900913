internal import EventLog
internal import Projections
public import QuotaModel

/// The generations of a store's projection as operators see them: beside a server, or with nobody else.
///
/// It opens the log for reading and takes no lock of the store: a server may run, start or end meanwhile.
public struct ProjectionStore: Sendable {
  let storePath: String
  let log: LMDBLog

  public init(ofStoreAt path: String) throws(StoreFailure) {
    guard Files.exists(path + "/log/data.mdb") else { throw Store.absence(of: path) }
    storePath = path
    log = try usingLog(LMDBLog(at: path + "/log", mode: .reading))
    try Files.makeDirectory(path + "/projections")
  }

  var generations: Generations { Generations(ofStoreAt: storePath, log: log) }

  /// The last event of the log.
  public func head() throws(StoreFailure) -> Position { try generations.head() }

  /// Removes generations that are neither live nor the previous one, or with `all` all that are not
  /// live; never one that a process folds into.
  public func prune(all: Bool) throws(StoreFailure) -> PruneReport {
    let (numbers, byteCount) = try generations.prune(keepingPrevious: !all)
    return PruneReport(numbers: numbers, byteCount: byteCount)
  }
}

/// What a prune removed.
public struct PruneReport: Sendable {
  public let numbers: [UInt64]
  /// On the disk.
  public let byteCount: UInt64
}

/// One generation, for a list.
public struct GenerationEntry: Sendable {
  public enum Role: String, Sendable {
    case live, previous, other
  }

  public enum Condition: Hashable, Sendable {
    /// It can be swapped to; the live one is.
    case complete
    /// A process folds into it.
    case building(process: Int32?)
    /// Its rebuild was interrupted, and the next one goes on with it.
    case interrupted
    case unusable(String)
  }

  public let number: UInt64
  public let role: Role
  public let condition: Condition
  /// The last event that is folded in and stored; nil where that cannot be read.
  public let position: Position?
  /// On the disk.
  public let byteCount: UInt64
  /// When its files were made.
  public let madeAt: Moment
}

extension ProjectionStore {
  /// All generations, in the order of their numbers.
  public func list() throws(StoreFailure) -> [GenerationEntry] {
    var entries: [GenerationEntry] = []
    for number in try generations.numbers() { entries.append(try entry(number)) }
    return entries
  }

  private func entry(_ number: UInt64) throws(StoreFailure) -> GenerationEntry {
    let pointer = generations.pointer
    let path = generations.path(of: number)
    let byteCount = try Files.byteCount(ofDirectory: path)
    let seconds = try Files.changeSeconds(of: path)
    let role: GenerationEntry.Role =
      number == pointer?.live ? .live : number == pointer?.previous ? .previous : .other
    let (condition, position) = condition(number)
    return GenerationEntry(
      number: number, role: role, condition: condition, position: position, byteCount: byteCount,
      madeAt: Moment(microseconds: seconds * 1_000_000))
  }

  private func condition(_ number: UInt64) -> (GenerationEntry.Condition, Position?) {
    let builder = GenerationClaim.holder(of: number, in: generations)
    guard generations.hasFile(number) else {
      return (builder.map { .building(process: $0) } ?? .unusable("it is empty"), nil)
    }
    do throws(StoreFailure) {
      let position = try generations.position(of: number)
      if let builder { return (.building(process: builder), position) }
      switch try generations.look(at: number, isReadOnly: true) {
      case .usable: return (.complete, position)
      case .interrupted: return (.interrupted, position)
      case .useless(let unfitness): return (.unusable(unfitness.description), position)
      }
    } catch {
      // It may be in the middle of being made.
      return (builder.map { .building(process: $0) } ?? .unusable(error.description), nil)
    }
  }
}
