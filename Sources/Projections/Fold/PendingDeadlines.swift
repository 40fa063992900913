internal import QuotaModel

/// Deadlines of holds since the tables were last written. A hold that ended meanwhile may still be among
/// them: whoever asks looks at the hold itself.
struct PendingDeadlines: Sendable {
  private(set) var entries: [(deadline: Moment, hold: HoldID)] = []
  private(set) var earliest: Moment?

  mutating func add(_ deadline: Moment, _ hold: HoldID) {
    entries.append((deadline, hold))
    earliest = min(earliest ?? deadline, deadline)
  }

  /// The holds whose deadline has come.
  func due(at moment: Moment) -> [HoldID] {
    guard let earliest, earliest <= moment else { return [] }
    return entries.filter { $0.deadline <= moment }.map(\.hold)
  }

  /// Forgets holds that are over, so that nobody looks at them again.
  mutating func forget(_ holds: Set<HoldID>) {
    guard !holds.isEmpty else { return }
    entries.removeAll { holds.contains($0.hold) }
    earliest = entries.map(\.deadline).min()
  }
}
