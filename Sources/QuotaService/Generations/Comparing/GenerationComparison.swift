internal import EventLog
internal import Projections
internal import QuotaModel

/// Compares two open generations, and looks for the event at which they part where they differ.
struct GenerationComparison {
  let generations: Generations
  private let names: () throws(StoreFailure) -> NameStore
  private let progress: ProgressReport?

  init(_ generations: Generations, _ storePath: String, _ progress: ProgressReport?) {
    self.generations = generations
    names = { () throws(StoreFailure) in
      try NameStore(at: storePath + "/names", isReadOnly: true)
    }
    self.progress = progress
  }

  init(_ generations: Generations, _ names: NameStore, _ progress: ProgressReport?) {
    self.generations = generations
    self.names = { names }
    self.progress = progress
  }

  /// Which of the two a server may write to, so that it stands where it stands.
  enum Served {
    case neither, left, right
  }

  /// Compares two generations at the position of the one that is served, else of the left one; `meet`
  /// brings the other one there, once it is known.
  func report(
    _ left: @autoclosure () -> Generation, _ leftName: ComparedGeneration,
    _ right: @autoclosure () -> Generation, _ rightName: ComparedGeneration,
    served: Served = .neither, meet: (Position) throws(StoreFailure) -> Void = { _ in }
  ) throws(StoreFailure) -> ComparisonReport {
    if served == .right {
      let fixed = try snapshot(right())
      try meet(try position(of: fixed))
      return try report(Self.finding(try snapshot(left()), fixed, served), leftName, rightName)
    }
    let fixed = try snapshot(left())
    try meet(try position(of: fixed))
    return try report(Self.finding(fixed, try snapshot(right()), served), leftName, rightName)
  }

  private func snapshot(_ generation: Generation) throws(StoreFailure) -> Snapshot {
    try usingProjection { () throws(ProjectionFailure) in try generation.storedSnapshot() }
  }

  private func position(of snapshot: borrowing Snapshot) throws(StoreFailure) -> Position {
    do { return try snapshot.state().position } catch { throw .projection(error) }
  }

  private static func finding(
    _ left: borrowing Snapshot, _ right: borrowing Snapshot, _ served: Served
  ) throws(StoreFailure) -> Finding {
    do { return try Finding(left, right, served != .neither) } catch { throw .projection(error) }
  }

  private func report(
    _ found: Finding, _ left: ComparedGeneration, _ right: ComparedGeneration
  ) throws(StoreFailure) -> ComparisonReport {
    guard let (what, search) = found.difference else {
      return ComparisonReport(left: left, right: right, position: found.position, difference: nil)
    }
    let name = try what.user.flatMap { (user) throws(StoreFailure) in try names().name(of: user) }
    let difference = FoundDifference(
      left: left, right: right, what: what, name: name,
      parting: try search.run(in: generations, (left, right), progress: progress))
    return ComparisonReport(
      left: left, right: right, position: found.position, difference: difference)
  }
}

/// What a look at two snapshots found; they are not needed any more.
private struct Finding {
  let position: Position
  let difference: (what: ProjectionDifference, search: PartingSearch)?

  init(
    _ left: borrowing Snapshot, _ right: borrowing Snapshot, _ mayBeUnfinished: Bool
  ) throws(ProjectionFailure) {
    let state = try left.state()
    position = state.position
    let calendar = try TimeZones.source(state.calendar)
    let what = try left.firstDifference(
      from: right, in: calendar, mayBeUnfinished: mayBeUnfinished)
    difference = try what.map { (what) throws(ProjectionFailure) in
      (what, try PartingSearch(what, left, right, calendar))
    }
  }
}
