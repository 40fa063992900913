internal import EventLog
internal import Projections
internal import QuotaModel

/// Counts on what a running server has acknowledged and not written to its tables yet.
struct UsageTail {
  private(set) var reading: UsageReading
  /// What is left of holds that were opened or drawn on in the tail.
  private var holds: [HoldID: TokenCount] = [:]

  init(_ reading: UsageReading) { self.reading = reading }

  mutating func count(
    _ record: borrowing RecordView, _ queries: Queries
  ) throws(StoreFailure) {
    do {
      reading.position = record.position
      guard try record.user() == reading.account.user else { return }
      try count(try record.fact(), at: record.position, record.happenedAt, queries)
    } catch let damage as RecordDamage {
      throw .log(.damaged(at: record.position, damage))
    } catch let failure as StoreFailure {
      throw failure
    } catch {
      preconditionFailure("nothing else is thrown")
    }
  }

  private mutating func count(
    _ fact: Fact, at position: Position, _ happenedAt: Moment, _ queries: Queries
  ) throws(StoreFailure) {
    switch fact {
    case .tokensSpent(let spend): add(spend.usage.total, happenedAt)
    case .spendHeld(let hold):
      holds[HoldID(position)] = hold.tokens
      reading.account.reserve(hold.tokens)
    case .holdDrawn(let id, let settlement):
      let held = try held(id, queries)
      let rest = held.subtractingClamped(settlement.spend.usage.total)
      reading.account.release(held)
      reading.account.reserve(rest)
      holds[id] = rest
      add(settlement.countedTokens, happenedAt)
    case .holdSettled(let id, let settlement):
      try end(id, queries)
      add(settlement.countedTokens, happenedAt)
    case .holdVoided(let id, user: _), .holdExpired(let id, user: _): try end(id, queries)
    default: break
    }
  }

  private mutating func end(_ id: HoldID, _ queries: Queries) throws(StoreFailure) {
    reading.account.release(try held(id, queries))
    holds[id] = .zero
  }

  private func held(_ id: HoldID, _ queries: Queries) throws(StoreFailure) -> TokenCount {
    if let held = holds[id] { return held }
    let entry = try queries.reading { (snapshot) throws(ProjectionFailure) in
      try snapshot.hold(id)
    }
    guard let entry, entry.isOpen else { return .zero }
    return entry.hold.tokens
  }

  private mutating func add(_ tokens: TokenCount, _ happenedAt: Moment) {
    for period in Period.allCases where reading.windows[period].contains(happenedAt) {
      reading.used[period] = reading.used[period].addingClamped(tokens)
    }
  }
}

extension EventKind {
  /// Whether a server may acknowledge such an event before its tables have it.
  var mayWaitInMemory: Bool {
    switch self {
    case .tokensSpent, .spendRefused, .spendShadowed, .spendHeld, .holdSettled, .holdDrawn,
      .holdExtended, .holdVoided, .holdExpired, .thresholdCrossed:
      true
    case .userRegistered, .userDeactivated, .userReactivated, .roleChanged, .tokenIssued,
      .tokenRevoked, .defaultsChanged, .limitsChanged, .calendarChanged, .sessionStarted,
      .sessionResumed, .sessionLimitChanged, .sessionModelChanged, .sessionMessageReceived,
      .sessionCallAdmitted, .sessionCallEnded, .sessionUsageRecorded, .sessionMessageAnswered,
      .sessionTurnEnded, .sessionCheckpointed, .exhaustionRequested, .exhaustionAnswered,
      .sessionWarned, .sessionFailed, .sessionAborted, .sessionWindowStarted, .sessionClosed,
      .sessionDeleted, .budgetChanged, .usageCorrected, .modesChanged, .allowanceGranted,
      .limitsScheduled, .scheduleEnded:
      false
    }
  }
}
