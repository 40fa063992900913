internal import QuotaModel

extension EventLine {
  static func detail(of start: SessionStart) -> String {
    let model = start.model.map { " \($0)" } ?? ""
    let limit = start.limit.map { " of at most \(credits($0))" } ?? ""
    return " session \(start.id)\(model)\(limit)\(text(of: start.budget))"
  }

  static func detail(of change: BudgetChange) -> String {
    let old = change.old?.credits ?? "none"
    return " budget \(change.budget) \(old) → \(credits(change.new))\(text(of: change.access))"
  }

  private static func text(of access: BudgetAccess?) -> String {
    switch access {
    case nil: ""
    case .open: " open to every user"
    case .members(let members): " for \(members.count) users"
    }
  }

  static func detail(of fact: SessionFact) -> String {
    switch fact {
    case .resumed(let resume): resume.limit.map { " cap \(credits($0))" } ?? " without cap"
    case .limitChanged(let change):
      " \(change.old?.credits ?? "none") → \(change.new.map(credits) ?? "none")"
    case .modelChanged(let model): " \(model)"
    case .messageReceived(let message): " message \(message)"
    case .callAdmitted(let admission):
      " call \(admission.call)\(text(of: admission.turn)) reserves "
        + "\(credits(admission.reservation)) until \(admission.expiresAt.rfc3339)"
    case .callEnded(let call, let end): " call \(call) \(end.name)"
    case .callExtended(let call, let expiresAt): " call \(call) until \(expiresAt.rfc3339)"
    case .usageRecorded(let usage): text(of: usage)
    case .messageAnswered(let message): " message \(message.message)\(text(of: message.turn))"
    case .turnEnded(let turn): text(of: turn)
    case .checkpointed(let totals):
      " \(credits(totals.total)) in \(grouped(totals.callCount)) calls"
    case .exhaustionRequested(let request):
      " request \(request.id) \(request.used.credits) of \(credits(request.limit))"
        + text(of: request.budget)
    case .exhaustionAnswered(let request, let answer): " request \(request) \(text(of: answer))"
    case .warned(let warning): " \(text(of: warning))"
    case .optionIgnored(let option): " \(option)"
    case .failed(let error): " \(error.kind)\(error.statusCode.map { " status \($0)" } ?? "")"
    case .aborted, .deleted: ""
    case .windowStarted(let number): " window \(number)"
    case .closed(let closing): " \(closing.name)"
    }
  }

  private static func text(of usage: SessionUsage) -> String {
    let tokens = usage.tokens.map { " \(grouped($0.total.rawValue)) tokens" } ?? ""
    let estimate = usage.estimate.map { ", taken for \(credits($0))" } ?? ""
    let cost = usage.cost.amount.map(credits) ?? "cost unknown\(estimate)"
    return " usage \(usage.id)\(tokens)\(usage.model.map { " \($0)" } ?? "") \(cost)"
  }

  private static func text(of answer: ExhaustionAnswer) -> String {
    switch answer {
    case .add(let amount): "add \(credits(amount))"
    case .set(let amount): "set \(credits(amount))"
    case .unset: "unset"
    case .cancel: "cancel"
    }
  }

  private static func text(of warning: SessionWarning) -> String {
    switch warning {
    case .limitReached(let used, let limit): "cap reached: \(used.credits) of \(credits(limit))"
    case .budgetReached(let budget, let used, let limit):
      "budget \(budget) reached: \(used.credits) of \(credits(limit))"
    case .quotaReached(let violations): "quota reached:\(text(of: violations))"
    case .unknownPrice(let model, let isRefused):
      "\(model) has no price" + (isRefused ? ", so it was not called" : "")
    }
  }

  private static func text(of turn: UInt64?) -> String { turn.map { " turn \($0)" } ?? "" }

  private static func text(of budget: BudgetID?) -> String { budget.map { " budget \($0)" } ?? "" }

  private static func credits(_ amount: NanoCredits) -> String { "\(amount.credits) credits" }
}
