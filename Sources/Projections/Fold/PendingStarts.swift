internal import QuotaModel

/// When the times to live of holds began, since the tables were last written. A hold that ended or began
/// anew meanwhile may still be among them: whoever asks looks at the hold itself.
struct PendingStarts: Sendable {
  private var entries: [(start: Moment, hold: HoldID)] = []
  private var latest = Moment(microseconds: .min)

  mutating func add(_ start: Moment, _ hold: HoldID) {
    entries.append((start, hold))
    latest = max(latest, start)
  }

  /// The holds that began later than `moment`.
  func holds(after moment: Moment) -> [HoldID] {
    latest > moment ? entries.filter { $0.start > moment }.map(\.hold) : []
  }

  /// The same; they are forgotten, so that nobody looks at them again.
  mutating func take(after moment: Moment) -> [HoldID] {
    let taken = holds(after: moment)
    guard latest > moment else { return taken }
    entries.removeAll { $0.start > moment }
    latest = entries.map(\.start).max() ?? Moment(microseconds: .min)
    return taken
  }
}
