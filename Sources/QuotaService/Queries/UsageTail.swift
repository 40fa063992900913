internal import EventLog
internal import QuotaModel

/// Counts on what a running server has acknowledged and not written to its tables yet.
struct UsageTail {
  private(set) var reading: UsageReading
  /// What is left of the user's holds.
  private var holds: [HoldID: TokenCount]

  /// `held`: what the open holds of the reading's position set aside.
  init(_ reading: UsageReading, held: [HoldID: TokenCount]) {
    self.reading = reading
    holds = held
  }

  mutating func count(_ record: borrowing RecordView) throws(RecordDamage) {
    reading.position = record.position
    guard try record.user() == reading.account.user else { return }
    count(try record.fact(), at: record.position, record.happenedAt)
  }

  private mutating func count(_ fact: Fact, at position: Position, _ happenedAt: Moment) {
    switch fact {
    case .tokensSpent(let spend): add(spend.usage.total, happenedAt)
    case .spendHeld(let hold):
      holds[HoldID(position)] = hold.tokens
      reading.account.reserve(hold.tokens)
    case .holdDrawn(let id, let settlement):
      let held = holds[id] ?? .zero
      let rest = held.subtractingClamped(settlement.spend.usage.total)
      reading.account.release(held)
      reading.account.reserve(rest)
      holds[id] = rest
      add(settlement.countedTokens, happenedAt)
    case .holdSettled(let id, let settlement):
      end(id)
      add(settlement.countedTokens, happenedAt)
    case .holdVoided(let id, user: _), .holdExpired(let id, user: _): end(id)
    default: break
    }
  }

  private mutating func end(_ id: HoldID) {
    if let held = holds.removeValue(forKey: id) { reading.account.release(held) }
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
      .limitsScheduled, .scheduleEnded, .userErased:
      false
    }
  }
}
