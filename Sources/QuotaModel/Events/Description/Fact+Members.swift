/// The members of facts that have no type of their own.
extension Fact {
  @inlinable
  static func registered<Coder: FactCoder & ~Escapable>(
    _ user: UserID?, _ role: Role?, _ coder: inout Coder
  ) throws(Coder.Failure) -> Fact {
    .userRegistered(try coder.member("user", user), role: try coder.member("role", role))
  }

  @inlinable
  static func changed<Coder: FactCoder & ~Escapable>(
    _ user: UserID?, _ old: Role?, _ new: Role?, _ coder: inout Coder
  ) throws(Coder.Failure) -> Fact {
    .roleChanged(
      try coder.member("user", user), old: try coder.member("old", old),
      new: try coder.member("new", new))
  }

  @inlinable
  static func revoked<Coder: FactCoder & ~Escapable>(
    _ user: UserID?, _ token: TokenID?, _ coder: inout Coder
  ) throws(Coder.Failure) -> Fact {
    let user = try coder.member("user", user)
    return .tokenRevoked(try coder.member("token_id", token), user: user)
  }

  @inlinable
  static func limits<Coder: FactCoder & ~Escapable>(
    _ user: UserID?, _ changes: [LimitChange]?, _ coder: inout Coder
  ) throws(Coder.Failure) -> Fact {
    .limitsChanged(try coder.member("user", user), try coder.changes(changes))
  }

  @inlinable
  static func modes<Coder: FactCoder & ~Escapable>(
    _ user: UserID??, _ changes: [ModeChange]?, _ coder: inout Coder
  ) throws(Coder.Failure) -> Fact {
    .modesChanged(try coder.optional("user", user), try coder.changes(changes))
  }

  @inlinable
  static func ended<Coder: FactCoder & ~Escapable>(
    _ user: UserID?, _ hold: HoldID?, _ coder: inout Coder,
    _ make: (HoldID, UserID) -> Fact
  ) throws(Coder.Failure) -> Fact {
    let user = try coder.member("user", user)
    return make(try coder.member("hold", hold), user)
  }

  @inlinable
  static func extended<Coder: FactCoder & ~Escapable>(
    _ user: UserID?, _ hold: HoldID?, _ end: Moment?, _ coder: inout Coder
  ) throws(Coder.Failure) -> Fact {
    let user = try coder.member("user", user)
    return .holdExtended(
      try coder.member("hold", hold), user: user, expiresAt: try coder.member("expires_at", end))
  }

  @inlinable
  static func scheduleEnded<Coder: FactCoder & ~Escapable>(
    _ user: UserID??, _ schedule: ScheduleID?, _ wasApplied: Bool?, _ coder: inout Coder
  ) throws(Coder.Failure) -> Fact {
    let user = try coder.optional("user", user)
    return .scheduleEnded(
      try coder.member("schedule", schedule), user: user,
      wasApplied: try coder.member("applied", wasApplied))
  }
}

extension SessionFact {
  /// Names the session and the members of what happened in it.
  @inlinable
  func describe<Coder: FactCoder & ~Escapable>(
    in session: SessionRef, to coder: inout Coder
  ) throws(Coder.Failure) {
    if case .usageRecorded(let usage) = self {
      _ = try SessionUsage.describe(session, usage, to: &coder)
      return
    }
    _ = try coder.member("session", session)
    switch self {
    case .resumed(let resume): _ = try SessionResume.describe(resume, to: &coder)
    case .limitChanged(let change): _ = try SessionLimitChange.describe(change, to: &coder)
    case .modelChanged(let model): _ = try coder.member("model", model)
    case .messageReceived(let message): _ = try coder.member("message_id", message)
    case .callAdmitted(let admission): _ = try CallAdmission.describe(admission, to: &coder)
    case .callEnded(let call, let end): _ = try Self.callEnded(call, end, &coder)
    case .callExtended(let call, let end): _ = try Self.callExtended(call, end, &coder)
    case .messageAnswered(let message): _ = try AssistantMessage.describe(message, to: &coder)
    case .turnEnded(let turn): _ = try coder.member("turn", turn)
    case .checkpointed(let totals): _ = try SessionTotals.describe(totals, to: &coder)
    case .exhaustionRequested(let request):
      _ = try ExhaustionRequest.describe(request, to: &coder)
    case .exhaustionAnswered(let request, let answer):
      _ = try Self.answered(request, answer, &coder)
    case .warned(let warning): _ = try SessionWarning.describe(warning, to: &coder)
    case .optionIgnored(let name): _ = try coder.member("option", name)
    case .failed(let error): _ = try SessionError.describe(error, to: &coder)
    case .windowStarted(let number): _ = try coder.member("window", number)
    case .closed(let closing): _ = try coder.member("closing", closing)
    case .usageRecorded, .aborted, .deleted: break
    }
  }

  @inlinable
  static func callEnded<Coder: FactCoder & ~Escapable>(
    _ call: StepID?, _ end: CallEnd?, _ coder: inout Coder
  ) throws(Coder.Failure) -> SessionFact {
    .callEnded(try coder.member("call_id", call), try coder.member("end", end))
  }

  @inlinable
  static func callExtended<Coder: FactCoder & ~Escapable>(
    _ call: StepID?, _ end: Moment?, _ coder: inout Coder
  ) throws(Coder.Failure) -> SessionFact {
    .callExtended(
      try coder.member("call_id", call), expiresAt: try coder.member("expires_at", end))
  }

  @inlinable
  static func answered<Coder: FactCoder & ~Escapable>(
    _ request: EntryID?, _ answer: ExhaustionAnswer?, _ coder: inout Coder
  ) throws(Coder.Failure) -> SessionFact {
    .exhaustionAnswered(
      try coder.member("exhaustion_id", request), try .describe(answer, to: &coder))
  }
}

extension FactCoder where Self: ~Escapable {
  /// Old and new of each period that changed.
  @inlinable
  @_lifetime(self: copy self)
  mutating func changes<Change: Described>(
    _ changes: [Change]?
  ) throws(Failure) -> [Change] {
    try objects("changes", changes, atMost: Period.allCases.count)
  }
}
