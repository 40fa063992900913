internal import EventLog
internal import Projections
public import QuotaModel

extension Queries {
  /// Replays real history under other limits. Limits that are not given are as good as unlimited.
  ///
  /// - Parameters:
  ///   - since: Spends before happened anyway, and count in the windows that they lie in.
  ///   - until: Spends from here on are not looked at.
  ///   - user: Only this user's spends.
  public func whatIf(
    _ policy: Policy, since: Moment, until: Moment, user: UserID? = nil,
    progress: ProgressReport? = nil
  ) throws(StoreFailure) -> (outcome: WhatIf, position: Position) {
    let calendar = try reading { (snapshot) throws(ProjectionFailure) in
      try store.calendars.rules(of: try snapshot.state().calendar)
    }
    var replay = WhatIf(policy: policy, calendar: calendar, since: since)
    let head = try usingLog(store.log.head())
    // Whatever shares a window with the first spend of interest counts.
    let starts = Period.allCases.filter { !policy.limits[$0].isUnlimited }.map {
      calendar.window($0, containing: since).start
    }
    let start = try position(before: starts.min() ?? since, head)
    var looked = start
    try usingLog(
      store.log.scan(after: start) { (record) throws(RecordDamage) in
        looked = record.position
        if looked.rawValue % 65_536 == 0 {
          progress?(looked.rawValue - start.rawValue, head.rawValue - start.rawValue)
        }
        try replay.take(record, until: until, of: user)
        return .proceed
      })
    return (replay, looked)
  }

  /// A position behind which everything lies that happened from `moment` on.
  func position(before moment: Moment, _ head: Position) throws(StoreFailure) -> Position {
    // A reporter's clock may be ahead of ours, so that something was recorded before it happened.
    let earliest = Moment(
      microseconds: moment.microseconds - maximumClockSkewSeconds * 1_000_000)
    return min(try position(recordedBefore: earliest), head)
  }
}

extension WhatIf {
  fileprivate mutating func take(
    _ record: borrowing RecordView, until: Moment, of user: UserID?
  ) throws(RecordDamage) {
    guard record.happenedAt < until else { return }
    if let user, try record.user() != user { return }
    guard let change = try record.fact().usageChange else { return }
    apply(change, at: record.happenedAt, position: record.position)
  }
}
