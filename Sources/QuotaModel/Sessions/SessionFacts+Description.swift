extension SessionStart: Described {
  @inlinable
  public static func describe<Coder: FactCoder & ~Escapable>(
    _ start: SessionStart?, to coder: inout Coder
  ) throws(Coder.Failure) -> SessionStart {
    let user = try coder.optional("user", start.map(\.user))
    return SessionStart(
      id: try coder.member("session_id", start?.id), user: user,
      seed: try coder.member("seed", start?.seed),
      model: try coder.optional("model", start.map(\.model)),
      limit: try coder.optional("max_nano_aiu", start.map(\.limit)),
      budget: try coder.optional("budget_id", start.map(\.budget)))
  }
}

extension SessionResume: Described {
  @inlinable
  public static func describe<Coder: FactCoder & ~Escapable>(
    _ resume: SessionResume?, to coder: inout Coder
  ) throws(Coder.Failure) -> SessionResume {
    SessionResume(
      limit: try coder.optional("max_nano_aiu", resume.map(\.limit)),
      wasActive: try coder.member("was_active", resume?.wasActive))
  }
}

extension SessionLimitChange: Described {
  @inlinable
  public static func describe<Coder: FactCoder & ~Escapable>(
    _ change: SessionLimitChange?, to coder: inout Coder
  ) throws(Coder.Failure) -> SessionLimitChange {
    SessionLimitChange(
      old: try coder.optional("old_nano_aiu", change.map(\.old)),
      new: try coder.optional("new_nano_aiu", change.map(\.new)),
      change: try coder.optional("change_id", change.map(\.change)))
  }
}

extension CallAdmission: Described {
  @inlinable
  public static func describe<Coder: FactCoder & ~Escapable>(
    _ admission: CallAdmission?, to coder: inout Coder
  ) throws(Coder.Failure) -> CallAdmission {
    CallAdmission(
      call: try coder.member("call_id", admission?.call),
      reservation: try coder.member("reservation_nano_aiu", admission?.reservation),
      expiresAt: try coder.member("expires_at", admission?.expiresAt),
      turn: try coder.optional("turn", admission.map(\.turn), in: 1...UInt64.max),
      model: try coder.optional("model", admission.map(\.model)))
  }
}

extension AssistantMessage: Described {
  @inlinable
  public static func describe<Coder: FactCoder & ~Escapable>(
    _ message: AssistantMessage?, to coder: inout Coder
  ) throws(Coder.Failure) -> AssistantMessage {
    AssistantMessage(
      message: try coder.member("message_id", message?.message),
      turn: try coder.optional("turn", message.map(\.turn), in: 1...UInt64.max),
      outputTokens: try coder.optional("output_tokens", message.map(\.outputTokens)),
      model: try coder.optional("model", message.map(\.model)))
  }
}

extension SessionTotals: Described {
  @inlinable
  public static func describe<Coder: FactCoder & ~Escapable>(
    _ totals: SessionTotals?, to coder: inout Coder
  ) throws(Coder.Failure) -> SessionTotals {
    SessionTotals(
      total: try coder.member("total_nano_aiu", totals?.total),
      callCount: try coder.member("call_count", totals?.callCount))
  }
}

extension ExhaustionRequest: Described {
  @inlinable
  public static func describe<Coder: FactCoder & ~Escapable>(
    _ request: ExhaustionRequest?, to coder: inout Coder
  ) throws(Coder.Failure) -> ExhaustionRequest {
    // `request_id` is what the caller called the request that caused the event.
    ExhaustionRequest(
      id: try coder.member("exhaustion_id", request?.id),
      used: try coder.member("used_nano_aiu", request?.used),
      limit: try coder.member("max_nano_aiu", request?.limit),
      budget: try coder.optional("budget_id", request.map(\.budget)))
  }
}

extension ExhaustionAnswer: Described {
  @inlinable
  public static func describe<Coder: FactCoder & ~Escapable>(
    _ answer: ExhaustionAnswer?, to coder: inout Coder
  ) throws(Coder.Failure) -> ExhaustionAnswer {
    switch try coder.member("action", answer?.action) {
    case .add: .add(try coder.member("additional_nano_aiu", answer?.amount))
    case .set: .set(try coder.member("max_nano_aiu", answer?.amount))
    case .unset: .unset
    case .cancel: .cancel
    }
  }
}

extension SessionError: Described {
  @inlinable
  public static func describe<Coder: FactCoder & ~Escapable>(
    _ error: SessionError?, to coder: inout Coder
  ) throws(Coder.Failure) -> SessionError {
    SessionError(
      kind: try coder.member("error", error?.kind),
      statusCode: try coder.optional(
        "status_code", error.map(\.statusCode), in: 1...UInt16.max))
  }
}

extension ExhaustionAnswer {
  /// What is done. Raw values are part of the record format.
  public enum Action: UInt8, DescribedChoice {
    case add = 0
    case set = 1
    case unset = 2
    case cancel = 3

    public var name: String {
      switch self {
      case .add: "add"
      case .set: "set"
      case .unset: "unset"
      case .cancel: "cancel"
      }
    }
  }

  public var action: Action {
    switch self {
    case .add: .add
    case .set: .set
    case .unset: .unset
    case .cancel: .cancel
    }
  }

  @usableFromInline
  var amount: NanoCredits? {
    switch self {
    case .add(let amount), .set(let amount): amount
    case .unset, .cancel: nil
    }
  }
}
