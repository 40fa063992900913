internal import EventLog
internal import Projections
internal import QuotaModel

/// Compares two open generations, and looks for the event at which they part where they differ.
struct GenerationComparison {
  let generations: Generations
  private let names: () throws(StoreFailure) -> NameStore
  private let progress: ProgressReport?

  init(
    _ generations: Generations, _ progress: ProgressReport?,
    names: @escaping () throws(StoreFailure) -> NameStore
  ) {
    (self.generations, self.names, self.progress) = (generations, names, progress)
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
    let found: (state: ProjectionState, difference: ProjectionDifference?)
    if served == .right {
      let fixed = try snapshot(right())
      try meet(try state(of: fixed).position)
      found = try compare(snapshot(left()), fixed, served)
    } else {
      let fixed = try snapshot(left())
      try meet(try state(of: fixed).position)
      found = try compare(fixed, snapshot(right()), served)
    }
    let difference = try found.difference.map { (what) throws(StoreFailure) in
      FoundDifference(
        left: leftName, right: rightName, what: what,
        name: try what.account.flatMap { (account) throws(StoreFailure) in
          try names().name(of: account.user)
        },
        parting: try PartingSearch.parting(
          of: what, in: generations, found.state.calendar, (leftName, rightName),
          progress: progress))
    }
    return ComparisonReport(
      left: leftName, right: rightName, position: found.state.position, difference: difference)
  }

  private func snapshot(_ generation: Generation) throws(StoreFailure) -> Snapshot {
    try usingProjection(generation.storedSnapshot())
  }

  private func state(of snapshot: borrowing Snapshot) throws(StoreFailure) -> ProjectionState {
    return try usingProjection(snapshot.state())
  }

  private func compare(
    _ left: borrowing Snapshot, _ right: borrowing Snapshot, _ served: Served
  ) throws(StoreFailure) -> (ProjectionState, ProjectionDifference?) {
    do throws(ProjectionFailure) {
      let state = try left.state()
      let difference = try left.firstDifference(
        from: right, in: TimeZones.source(state.calendar), mayBeUnfinished: served != .neither)
      return (state, difference)
    } catch {
      throw .projection(error)
    }
  }
}
