internal import EventLog
internal import Projections
internal import QuotaModel

/// Looks for the event at which two projections of an account part.
///
/// It asks the fold itself, not a second reckoning of the same rules: the log is folded once more, and
/// after each event of the account its values are compared with what the two projections have.
struct PartingSearch {
  private let difference: ProjectionDifference
  private let end: Position
  private let calendar: CalendarSetting
  /// The events of the account that either of the two knows of, in order.
  private var history: [Position] = []
  /// What each of the two says of every aspect that differs.
  private var left: [String] = []
  private var right: [String] = []

  /// Takes what it needs from both, so that they need not be kept open.
  init(
    _ difference: ProjectionDifference, _ left: borrowing Snapshot, _ right: borrowing Snapshot,
    _ calendar: QuotaCalendar
  ) throws(ProjectionFailure) {
    self.difference = difference
    let state = try left.state()
    end = state.position
    self.calendar = state.calendar
    guard let user = difference.user, difference.position == nil else { return }
    for aspect in difference.aspects {
      self.left.append(try left.words(aspect, of: user, calendar))
      self.right.append(try right.words(aspect, of: user, calendar))
    }
    history = try Self.merged(
      Self.history(of: user, left), Self.history(of: user, right))
  }

  private static func history(
    of user: UserID, _ snapshot: borrowing Snapshot
  ) throws(ProjectionFailure) -> [Position] {
    guard let entry = try snapshot.account(user) else { return [] }
    return try snapshot.history(of: entry, after: .zero, limit: .max)
  }

  private static func merged(_ left: [Position], _ right: [Position]) -> [Position] {
    left == right ? left : Set(left).union(right).sorted()
  }

  /// Where they part; nil where that cannot be told.
  func run(
    in generations: Generations, _ names: (left: ComparedGeneration, right: ComparedGeneration),
    progress: ProgressReport?
  ) throws(StoreFailure) -> Parting? {
    if let position = difference.position { return .at(position) }
    guard let user = difference.user, !difference.aspects.isEmpty, !history.isEmpty else {
      return nil
    }
    let fold = try GenerationFold.begin(in: generations, calendar: calendar, isResuming: false)
    var matches = Matches(left: left, right: right)
    do throws(StoreFailure) {
      try fold.visit(history, progress: progress) { (batch, position) throws(StoreFailure) in
        var words: [String] = []
        for aspect in difference.aspects {
          words.append(
            try usingProjection { () throws(ProjectionFailure) in
              try batch.words(aspect, of: user)
            })
        }
        matches.note(words, at: position)
      }
      try fold.remove()
    } catch {
      try? fold.remove()
      throw error
    }
    return matches.parting(in: history, names)
  }
}

/// After which events the values were those of the one or the other.
private struct Matches {
  private let left: [String]
  private let right: [String]
  private var latest: [String] = []
  private var lastLeft: Position?
  private var lastRight: Position?

  init(left: [String], right: [String]) {
    self.left = left
    self.right = right
  }

  mutating func note(_ words: [String], at position: Position) {
    latest = words
    if words == left { lastLeft = position }
    if words == right { lastRight = position }
  }

  /// Judges the one that is wrong; the left one, where both are.
  func parting(
    in history: [Position], _ names: (left: ComparedGeneration, right: ComparedGeneration)
  ) -> Parting {
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
  func visit(
    _ positions: [Position], progress: ProgressReport?,
    _ body: (inout FoldBatch, Position) throws(StoreFailure) -> Void
  ) throws(StoreFailure) {
    guard let last = positions.last else { return }
    var waiting = positions[...]
    while state.position < last {
      try visitSome(&waiting, upTo: last, body)
      progress?(state.position.rawValue, last.rawValue)
    }
  }

  private func visitSome(
    _ waiting: inout ArraySlice<Position>, upTo last: Position,
    _ body: (inout FoldBatch, Position) throws(StoreFailure) -> Void
  ) throws(StoreFailure) {
    let start = state.position
    var batch = try beginBatch()
    var count = 0
    try log.scan(after: start) { (record) throws(StoreFailure) in
      try batch.fold(record)
      if record.position == waiting.first {
        waiting.removeFirst()
        try body(&batch, record.position)
      }
      count += 1
      return count < Self.eventsPerBatch && record.position < last ? .proceed : .stop
    }
    do { try batch.commit(mayWait: false) } catch { throw .projection(error) }
  }
}
