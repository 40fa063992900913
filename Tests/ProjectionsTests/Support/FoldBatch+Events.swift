import LMDB
import Projections
import QuotaModel

extension FoldBatch {
  /// Folds an event as it is decoded from the log; `isShortened` as a spend is read in place.
  mutating func fold(_ event: Event, isShortened: Bool = true) throws(ProjectionFailure) {
    guard let id = event.requestID else { return try fold(event, nil, isShortened) }
    let text = Array(id.description.utf8)
    try fold(event, text.rawBytes, isShortened)
  }

  /// Folds events as a rebuild does: spends that follow one another together.
  mutating func foldTogether(_ events: [Event]) throws(ProjectionFailure) {
    var spends: [LoggedSpend] = []
    for event in events {
      guard case .tokensSpent(let spend) = event.fact else {
        try fold(spends)
        spends.removeAll()
        try fold(event)
        continue
      }
      spends.append(
        LoggedSpend(
          position: event.position, recordedAt: event.recordedAt, happenedAt: event.happenedAt,
          user: spend.user, tokens: spend.usage.total))
      if let id = event.requestID {
        try remember(Array(id.description.utf8).rawBytes, of: event.actor, at: event.position)
      }
    }
    try fold(spends)
  }

  private mutating func fold(
    _ event: Event, _ id: RawSpan?, _ isShortened: Bool
  ) throws(ProjectionFailure) {
    var change = FoldedEvent.Change.other(event.fact)
    if isShortened, case .tokensSpent(let spend) = event.fact {
      change = .spent(spend.user, spend.usage.total)
    }
    try fold(
      FoldedEvent(
        position: event.position, recordedAt: event.recordedAt, happenedAt: event.happenedAt,
        actor: event.actor, requestID: id, change: change))
  }
}

extension Fact {
  /// Whether a batch with this fact is stored before anybody is told of it.
  var isStoredAtOnce: Bool {
    switch self {
    case .tokensSpent, .spendRefused, .spendShadowed, .spendHeld, .holdSettled, .holdDrawn,
      .holdExtended, .holdVoided, .holdExpired, .thresholdCrossed:
      false
    case .userRegistered, .userDeactivated, .userReactivated, .roleChanged, .tokenIssued,
      .tokenRevoked, .defaultsChanged, .limitsChanged, .calendarChanged,
      .sessionStarted, .session, .budgetChanged, .usageCorrected, .modesChanged,
      .allowanceGranted, .limitsScheduled, .scheduleEnded, .userErased:
      true
    }
  }
}
