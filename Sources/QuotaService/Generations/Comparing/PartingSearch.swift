internal import EventLog
internal import Projections
internal import QuotaModel

/// Looks for the event at which two projections of an account part.
///
/// It asks the fold itself, not a second reckoning of the same rules: the log is folded once more, and
/// after each event of the account its values are compared with what the two projections have.
struct PartingSearch {
  private let history: [Position]
  private let left: [String]
  private let right: [String]
  private var latest: [String] = []
  /// After which event the values were those of the one or the other last.
  private var lastLeft: Position?
  private var lastRight: Position?

  /// Where they part; nil where that cannot be told.
  static func parting(
    of difference: ProjectionDifference, in generations: Generations, _ calendar: CalendarSetting,
    _ names: (left: ComparedGeneration, right: ComparedGeneration), progress: ProgressReport?
  ) throws(StoreFailure) -> Parting? {
    if let position = difference.position { return .at(position) }
    guard let account = difference.account, !difference.history.isEmpty else { return nil }
    var search = PartingSearch(difference)
    let fields = difference.fields.map(\.name)
    // Nothing is folded before it is shown.
    try generations.withScratchFold(calendar: calendar, upTo: .zero, progress: nil) {
      (fold) throws(StoreFailure) in
      try fold.visit(difference.history, progress: progress) {
        (batch, position) throws(StoreFailure) in
        search.note(
          try usingProjection(batch.values(of: account, named: fields)), at: position)
      }
    }
    return search.parting(names)
  }

  private init(_ difference: ProjectionDifference) {
    history = difference.history
    left = difference.fields.map(\.left)
    right = difference.fields.map(\.right)
  }

  private mutating func note(_ values: [String], at position: Position) {
    latest = values
    if values == left { lastLeft = position }
    if values == right { lastRight = position }
  }

  /// Judges the one that is wrong; the left one, where both are.
  private func parting(_ names: (left: ComparedGeneration, right: ComparedGeneration)) -> Parting {
    let isLeftWrong = latest != left
    let wrong = isLeftWrong ? names.left : names.right
    guard let last = isLeftWrong ? lastLeft : lastRight else {
      return .nowhere(eventCount: history.count, wrong: wrong)
    }
    guard let next = history.first(where: { $0 > last }) else { return .at(last) }
    return .behind(last: last, next: next, wrong: wrong)
  }
}

extension GenerationFold {
  private static let eventsPerBatch = 65_536

  /// Folds up to the last of `positions`, and shows the fold to `body` behind each of them.
  fileprivate func visit(
    _ positions: [Position], progress: ProgressReport?,
    _ body: (inout FoldBatch, Position) throws(StoreFailure) -> Void
  ) throws(StoreFailure) {
    var waiting = positions[...]
    while let last = waiting.last {
      var batch = try beginBatch()
      var count = 0
      try log.scan(after: state.position) { (record) throws(StoreFailure) in
        try batch.fold(record)
        if record.position == waiting.first { try body(&batch, waiting.removeFirst()) }
        count += 1
        return count < Self.eventsPerBatch && record.position < last ? .proceed : .stop
      }
      do { try batch.commit(mayWait: false) } catch { throw .projection(error) }
      progress?(state.position.rawValue, last.rawValue)
    }
  }
}
