/// The kind of a fact. Raw values are part of the record format: never reuse or change one.
public enum EventKind: UInt8, CaseIterable, Sendable {
  case userRegistered = 1
  case userDeactivated = 2
  case userReactivated = 3
  case roleChanged = 4
  case tokenIssued = 5
  case tokenRevoked = 6
  case defaultsChanged = 7
  case limitsChanged = 8
  case calendarChanged = 9
  case tokensSpent = 10
  case spendHeld = 11
  case holdSettled = 12
  case holdVoided = 13
  case holdExpired = 14
  case spendRefused = 15
  case sessionStarted = 16
  case sessionResumed = 17
  case sessionLimitChanged = 18
  case sessionModelChanged = 19
  case sessionMessageReceived = 20
  case sessionCallAdmitted = 21
  case sessionCallEnded = 22
  case sessionUsageRecorded = 23
  case sessionMessageAnswered = 24
  case sessionTurnEnded = 25
  case sessionCheckpointed = 26
  case exhaustionRequested = 27
  case exhaustionAnswered = 28
  case sessionWarned = 29
  case sessionFailed = 30
  case sessionAborted = 31
  case sessionWindowStarted = 32
  case sessionClosed = 33
  case sessionDeleted = 34
  case budgetChanged = 35
  case spendShadowed = 36
  case holdDrawn = 37
  case holdExtended = 38
  case usageCorrected = 39
  case modesChanged = 40
  case allowanceGranted = 41
  case limitsScheduled = 42
  case scheduleEnded = 43
  case thresholdCrossed = 44
  case userErased = 45
  case sessionCallExtended = 46
  case sessionOptionIgnored = 47

  /// The spelling on every border.
  public var name: String {
    switch self {
    case .userRegistered: "user_registered"
    case .userDeactivated: "user_deactivated"
    case .userReactivated: "user_reactivated"
    case .roleChanged: "role_changed"
    case .tokenIssued: "token_issued"
    case .tokenRevoked: "token_revoked"
    case .defaultsChanged: "defaults_changed"
    case .limitsChanged: "limits_changed"
    case .calendarChanged: "calendar_changed"
    case .tokensSpent: "tokens_spent"
    case .spendHeld: "spend_held"
    case .holdSettled: "hold_settled"
    case .holdVoided: "hold_voided"
    case .holdExpired: "hold_expired"
    case .spendRefused: "spend_refused"
    case .sessionStarted: "session_started"
    case .sessionResumed: "session_resumed"
    case .sessionLimitChanged: "session_limit_changed"
    case .sessionModelChanged: "session_model_changed"
    case .sessionMessageReceived: "session_message_received"
    case .sessionCallAdmitted: "session_call_admitted"
    case .sessionCallEnded: "session_call_ended"
    case .sessionCallExtended: "session_call_extended"
    case .sessionUsageRecorded: "session_usage_recorded"
    case .sessionMessageAnswered: "session_message_answered"
    case .sessionTurnEnded: "session_turn_ended"
    case .sessionCheckpointed: "session_checkpointed"
    case .exhaustionRequested: "exhaustion_requested"
    case .exhaustionAnswered: "exhaustion_answered"
    case .sessionWarned: "session_warned"
    case .sessionFailed: "session_failed"
    case .sessionAborted: "session_aborted"
    case .sessionWindowStarted: "session_window_started"
    case .sessionClosed: "session_closed"
    case .sessionDeleted: "session_deleted"
    case .budgetChanged: "budget_changed"
    case .spendShadowed: "spend_shadowed"
    case .holdDrawn: "hold_drawn"
    case .holdExtended: "hold_extended"
    case .usageCorrected: "usage_corrected"
    case .modesChanged: "modes_changed"
    case .allowanceGranted: "allowance_granted"
    case .limitsScheduled: "limits_scheduled"
    case .scheduleEnded: "schedule_ended"
    case .thresholdCrossed: "threshold_crossed"
    case .userErased: "user_erased"
    case .sessionOptionIgnored: "session_option_ignored"
    }
  }

  public init?(name: String) {
    guard let kind = Self.allCases.first(where: { $0.name == name }) else { return nil }
    self = kind
  }
}

extension Fact {
  public var kind: EventKind {
    switch self {
    case .userRegistered: .userRegistered
    case .userDeactivated: .userDeactivated
    case .userReactivated: .userReactivated
    case .roleChanged: .roleChanged
    case .tokenIssued: .tokenIssued
    case .tokenRevoked: .tokenRevoked
    case .defaultsChanged: .defaultsChanged
    case .limitsChanged: .limitsChanged
    case .calendarChanged: .calendarChanged
    case .tokensSpent: .tokensSpent
    case .spendHeld: .spendHeld
    case .holdSettled: .holdSettled
    case .holdVoided: .holdVoided
    case .holdExpired: .holdExpired
    case .spendRefused: .spendRefused
    case .sessionStarted: .sessionStarted
    case .session(_, let fact): fact.kind
    case .budgetChanged: .budgetChanged
    case .spendShadowed: .spendShadowed
    case .holdDrawn: .holdDrawn
    case .holdExtended: .holdExtended
    case .usageCorrected: .usageCorrected
    case .modesChanged: .modesChanged
    case .allowanceGranted: .allowanceGranted
    case .limitsScheduled: .limitsScheduled
    case .scheduleEnded: .scheduleEnded
    case .thresholdCrossed: .thresholdCrossed
    case .userErased: .userErased
    }
  }
}

/// What a fact does to who may do what.
public enum RightsChange: Hashable, Sendable {
  case none
  /// Somebody may do something else, and nobody less.
  case other
  /// The user may do less from then on.
  case loss(UserID)
}

extension Fact {
  public var rightsChange: RightsChange {
    switch self {
    case .userDeactivated(let user), .userErased(let user), .tokenRevoked(_, let user): .loss(user)
    case .roleChanged(let user, let old, let new): new.mayAll(that: old) ? .other : .loss(user)
    case .userRegistered, .userReactivated, .tokenIssued: .other
    case .defaultsChanged, .limitsChanged, .calendarChanged, .tokensSpent, .spendHeld,
      .holdSettled, .holdVoided, .holdExpired, .spendRefused, .sessionStarted, .session,
      .budgetChanged, .spendShadowed, .holdDrawn, .holdExtended, .usageCorrected, .modesChanged,
      .allowanceGranted, .limitsScheduled, .scheduleEnded, .thresholdCrossed:
      .none
    }
  }

  /// Whether it changes who may do what: what somebody was let in for has to be asked anew.
  public var changesRights: Bool { rightsChange != .none }
}

extension SessionFact {
  public var kind: EventKind {
    switch self {
    case .resumed: .sessionResumed
    case .limitChanged: .sessionLimitChanged
    case .modelChanged: .sessionModelChanged
    case .messageReceived: .sessionMessageReceived
    case .callAdmitted: .sessionCallAdmitted
    case .callEnded: .sessionCallEnded
    case .callExtended: .sessionCallExtended
    case .usageRecorded: .sessionUsageRecorded
    case .messageAnswered: .sessionMessageAnswered
    case .turnEnded: .sessionTurnEnded
    case .checkpointed: .sessionCheckpointed
    case .exhaustionRequested: .exhaustionRequested
    case .exhaustionAnswered: .exhaustionAnswered
    case .warned: .sessionWarned
    case .optionIgnored: .sessionOptionIgnored
    case .failed: .sessionFailed
    case .aborted: .sessionAborted
    case .windowStarted: .sessionWindowStarted
    case .closed: .sessionClosed
    case .deleted: .sessionDeleted
    }
  }
}

extension EventKind {
  /// Whether readers beside a server count it from the log itself, so that it may be acknowledged before the
  /// tables have it.
  public var isCountedFromLog: Bool {
    switch self {
    case .tokensSpent, .spendRefused, .spendShadowed, .spendHeld, .holdSettled, .holdDrawn,
      .holdExtended, .holdVoided, .holdExpired, .thresholdCrossed:
      true
    case .userRegistered, .userDeactivated, .userReactivated, .roleChanged, .tokenIssued,
      .tokenRevoked, .defaultsChanged, .limitsChanged, .calendarChanged, .sessionStarted,
      .sessionResumed, .sessionLimitChanged, .sessionModelChanged, .sessionMessageReceived,
      .sessionCallAdmitted, .sessionCallEnded, .sessionCallExtended, .sessionUsageRecorded,
      .sessionMessageAnswered,
      .sessionTurnEnded, .sessionCheckpointed, .exhaustionRequested, .exhaustionAnswered,
      .sessionWarned, .sessionFailed, .sessionAborted, .sessionWindowStarted, .sessionClosed,
      .sessionDeleted, .sessionOptionIgnored, .budgetChanged, .usageCorrected, .modesChanged,
      .allowanceGranted,
      .limitsScheduled, .scheduleEnded, .userErased:
      false
    }
  }
}
