extension Fact {
  /// Names the members of the fact, whose kind is said apart.
  @inlinable
  public func describe<Coder: FactCoder & ~Escapable>(
    to coder: inout Coder
  ) throws(Coder.Failure) {
    switch self {
    case .userRegistered(let user, let role): _ = try Self.registered(user, role, &coder)
    case .userDeactivated(let user), .userReactivated(let user), .userErased(let user):
      _ = try coder.member("user", user)
    case .roleChanged(let user, let old, let new): _ = try Self.changed(user, old, new, &coder)
    case .tokenIssued(let issue): _ = try TokenIssue.describe(issue, to: &coder)
    case .tokenRevoked(let token, let user): _ = try Self.revoked(user, token, &coder)
    case .defaultsChanged(let changes): _ = try coder.changes(changes)
    case .limitsChanged(let user, let changes): _ = try Self.limits(user, changes, &coder)
    case .calendarChanged(let setting): _ = try CalendarSetting.describe(setting, to: &coder)
    case .tokensSpent(let spend): _ = try Spend.describe(spend, to: &coder)
    case .spendHeld(let hold): _ = try Hold.describe(hold, to: &coder)
    case .holdSettled(let hold, let settlement), .holdDrawn(let hold, let settlement):
      _ = try Settlement.describe(hold, settlement, to: &coder, Fact.holdSettled)
    case .holdVoided(let hold, let user), .holdExpired(let hold, let user):
      _ = try Self.ended(user, hold, &coder, Fact.holdVoided)
    case .holdExtended(let hold, let user, let end): _ = try Self.extended(user, hold, end, &coder)
    case .spendRefused(let refusal), .spendShadowed(let refusal):
      _ = try Refusal.describe(refusal, to: &coder)
    case .sessionStarted(let start): _ = try SessionStart.describe(start, to: &coder)
    case .session(let session, let fact): try fact.describe(in: session, to: &coder)
    case .budgetChanged(let change): _ = try BudgetChange.describe(change, to: &coder)
    case .usageCorrected(let correction): _ = try Correction.describe(correction, to: &coder)
    case .modesChanged(let user, let changes): _ = try Self.modes(user, changes, &coder)
    case .allowanceGranted(let allowance): _ = try Allowance.describe(allowance, to: &coder)
    case .limitsScheduled(let change): _ = try ScheduledChange.describe(change, to: &coder)
    case .scheduleEnded(let schedule, let user, let wasApplied):
      _ = try Self.scheduleEnded(user, schedule, wasApplied, &coder)
    case .thresholdCrossed(let crossing): _ = try ThresholdCrossing.describe(crossing, to: &coder)
    }
  }

  /// A fact of that kind, as the coder says that its members are.
  @inlinable
  public static func described<Coder: FactCoder & ~Escapable>(
    as kind: EventKind, by coder: inout Coder
  ) throws(Coder.Failure) -> Fact {
    switch kind {
    case .userRegistered: try registered(nil, nil, &coder)
    case .userDeactivated: .userDeactivated(try coder.member("user", nil))
    case .userReactivated: .userReactivated(try coder.member("user", nil))
    case .userErased: .userErased(try coder.member("user", nil))
    case .roleChanged: try changed(nil, nil, nil, &coder)
    case .tokenIssued: .tokenIssued(try .describe(nil, to: &coder))
    case .tokenRevoked: try revoked(nil, nil, &coder)
    case .defaultsChanged: .defaultsChanged(try coder.changes(nil))
    case .limitsChanged: try limits(nil, nil, &coder)
    case .calendarChanged: .calendarChanged(try .describe(nil, to: &coder))
    case .tokensSpent: .tokensSpent(try .describe(nil, to: &coder))
    case .spendHeld: .spendHeld(try .describe(nil, to: &coder))
    case .holdSettled: try Settlement.describe(nil, nil, to: &coder, Fact.holdSettled)
    case .holdDrawn: try Settlement.describe(nil, nil, to: &coder, Fact.holdDrawn)
    case .holdVoided: try ended(nil, nil, &coder, Fact.holdVoided)
    case .holdExpired: try ended(nil, nil, &coder, Fact.holdExpired)
    case .holdExtended: try extended(nil, nil, nil, &coder)
    case .spendRefused: .spendRefused(try .describe(nil, to: &coder))
    case .spendShadowed: .spendShadowed(try .describe(nil, to: &coder))
    case .budgetChanged: .budgetChanged(try .describe(nil, to: &coder))
    case .usageCorrected: .usageCorrected(try .describe(nil, to: &coder))
    case .modesChanged: try modes(nil, nil, &coder)
    case .allowanceGranted: .allowanceGranted(try .describe(nil, to: &coder))
    case .limitsScheduled: .limitsScheduled(try .describe(nil, to: &coder))
    case .scheduleEnded: try scheduleEnded(nil, nil, nil, &coder)
    case .thresholdCrossed: .thresholdCrossed(try .describe(nil, to: &coder))
    case .sessionStarted: .sessionStarted(try .describe(nil, to: &coder))
    case .sessionResumed: .session(try session(&coder), .resumed(try .describe(nil, to: &coder)))
    case .sessionLimitChanged:
      .session(try session(&coder), .limitChanged(try .describe(nil, to: &coder)))
    case .sessionModelChanged:
      .session(try session(&coder), .modelChanged(try coder.member("model", nil)))
    case .sessionMessageReceived:
      .session(try session(&coder), .messageReceived(try coder.member("message_id", nil)))
    case .sessionCallAdmitted:
      .session(try session(&coder), .callAdmitted(try .describe(nil, to: &coder)))
    case .sessionCallEnded:
      .session(try session(&coder), try SessionFact.callEnded(nil, nil, &coder))
    case .sessionCallExtended:
      .session(try session(&coder), try SessionFact.callExtended(nil, nil, &coder))
    case .sessionUsageRecorded: try SessionUsage.describe(nil, nil, to: &coder)
    case .sessionMessageAnswered:
      .session(try session(&coder), .messageAnswered(try .describe(nil, to: &coder)))
    case .sessionTurnEnded: .session(try session(&coder), .turnEnded(try coder.member("turn", nil)))
    case .sessionCheckpointed:
      .session(try session(&coder), .checkpointed(try .describe(nil, to: &coder)))
    case .exhaustionRequested:
      .session(try session(&coder), .exhaustionRequested(try .describe(nil, to: &coder)))
    case .exhaustionAnswered:
      .session(try session(&coder), try SessionFact.answered(nil, nil, &coder))
    case .sessionWarned: .session(try session(&coder), .warned(try .describe(nil, to: &coder)))
    case .sessionOptionIgnored:
      .session(try session(&coder), .optionIgnored(try coder.member("option", nil)))
    case .sessionFailed: .session(try session(&coder), .failed(try .describe(nil, to: &coder)))
    case .sessionAborted: .session(try session(&coder), .aborted)
    case .sessionWindowStarted:
      .session(try session(&coder), .windowStarted(try coder.member("window", nil)))
    case .sessionClosed: .session(try session(&coder), .closed(try coder.member("closing", nil)))
    case .sessionDeleted: .session(try session(&coder), .deleted)
    }
  }

  @inlinable
  static func session<Coder: FactCoder & ~Escapable>(
    _ coder: inout Coder
  ) throws(Coder.Failure) -> SessionRef {
    try coder.member("session", nil)
  }
}
