internal import LMDB
public import QuotaModel

/// A spend on its way from the log, without its request id.
public struct LoggedSpend: Sendable {
  public let position: Position
  public let recordedAt: Moment
  public let happenedAt: Moment
  public let user: UserID
  public let tokens: TokenCount

  public init(
    position: Position, recordedAt: Moment, happenedAt: Moment, user: UserID, tokens: TokenCount
  ) {
    self.position = position
    self.recordedAt = recordedAt
    self.happenedAt = happenedAt
    self.user = user
    self.tokens = tokens
  }
}

extension FoldBatch {
  /// Takes the next spends into account. Their request ids are for `remember`.
  ///
  /// Together, so that looking up one's account need not wait for another's.
  public mutating func fold(_ spends: [LoggedSpend]) throws(ProjectionFailure) {
    guard let first = spends.first, let last = spends.last else { return }
    expect(spends.map(\.user))
    var next = state.position.next
    var current = CurrentWindows(windows(containing: first.happenedAt))
    for place in spends.indices {
      let spend = spends[place]
      guard spend.position == next else { throw .gap(expected: next, found: spend.position) }
      next = next.next
      let index: Int
      if let warmed = folder.working.accounts.index(of: spend.user, warmedAt: place) {
        index = warmed
      } else {
        index = try existing(spend.user, at: spend.position)
      }
      if !current.contain(spend.happenedAt) {
        current = CurrentWindows(windows(containing: spend.happenedAt))
      }
      let isCounted = folder.working.accounts.update(at: index) {
        $0.account.count(spend.tokens, inLatestStarting: current.starts)
      }
      if !isCounted {
        let change = UsageChange(user: spend.user, tokens: spend.tokens)
        try count(change, at: index, spend.happenedAt)
      }
      try note(spend.position, at: index)
    }
    folder.working.hasFolded = true
    folder.working.state.hasSpends = true
    folder.working.unstoredCount += Int(last.position.rawValue - first.position.rawValue) + 1
    folder.working.state.position = last.position
    folder.working.state.recordedAt = last.recordedAt
  }

  /// Remembers under which id an actor asked for what the event at `position` records.
  public mutating func remember(
    _ id: RawSpan, of actor: Actor, at position: Position
  ) throws(ProjectionFailure) {
    let scope = try scope(of: actor)
    if folder.working.gathered != nil {
      folder.working.gathered!.append(scope, id, position: position.rawValue)
    } else {
      folder.working.requests.append(scope, id, position: position.rawValue)
    }
  }
}

/// The windows of the spend before, as few words: most spends are of the same day, which lies within one
/// week and one month, and whole windows have gaps, over which copying them is slow.
private struct CurrentWindows {
  private let dayStart: Moment
  private let dayEnd: Moment
  let starts: PerCount<Moment>

  init(_ windows: PerPeriod<Window>) {
    dayStart = windows.daily.start
    dayEnd = windows.daily.end
    starts = PerCount<Moment> { windows[$0.period].start }
  }

  func contain(_ moment: Moment) -> Bool { dayStart <= moment && moment < dayEnd }
}
