internal import QuotaModel
internal import QuotaService

/// An answer about sessions without what nobody can foretell.
enum SessionOutcome: Hashable {
  case session(Result, SessionFigures)
  case budget(limit: Int64, used: Int64, reserved: Int64, isNew: Bool)
  case failed(CommandFailure)
  case nothing
  case other

  enum Result: Hashable {
    case done, unchanged, existed, mustWait, dropped, quotaExhausted, unpriced, tooLate
    case admitted(StepID, turn: UInt64?)
    case exhausted(used: Int64, limit: Int64, isShared: Bool, isNew: Bool)
    case recorded(CallCost, isDuplicate: Bool)
  }

  init(_ answer: Answer) {
    switch answer {
    case .session(let answer):
      self = .session(Result(answer.result), SessionFigures(of: answer.session))
    case .budget(let budget, let isNew):
      self = .budget(
        limit: budget.limit.rawValue, used: budget.used.rawValue,
        reserved: budget.reserved.rawValue, isNew: isNew)
    case .failed(.requestConflict(let member, position: _)):
      self = .conflict(member)
    case .failed(let failure): self = .failed(failure)
    case .unchanged: self = .nothing
    case .recorded, .granted, .held, .refused, .settled, .extended: self = .other
    }
  }

  static func conflict(_ member: String) -> SessionOutcome {
    .failed(.requestConflict(member: member, position: .zero))
  }
}

extension SessionOutcome.Result {
  init(_ result: SessionResult) {
    switch result {
    case .done: self = .done
    case .unchanged: self = .unchanged
    case .existed: self = .existed
    case .mustWait: self = .mustWait
    case .dropped: self = .dropped
    case .quotaExhausted: self = .quotaExhausted
    case .unpriced: self = .unpriced
    case .tooLate: self = .tooLate
    case .admitted(let call, let turn): self = .admitted(call, turn: turn)
    case .exhausted(let request, let isNew):
      self = .exhausted(
        used: request.used.rawValue, limit: request.limit.rawValue,
        isShared: request.budget != nil, isNew: isNew)
    case .recorded(let cost, let isDuplicate): self = .recorded(cost, isDuplicate: isDuplicate)
    }
  }
}
