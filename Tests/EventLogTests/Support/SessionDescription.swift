import QuotaModel

/// The members of a session's first event.
func description(of start: SessionStart) -> [String: String] {
  var members = ["session_id": "\(start.id)", "seed": "\(start.seed)"]
  members["model"] = start.model?.description
  members["limit"] = start.limit?.description
  members["budget"] = start.budget?.description
  return members
}

func description(of fact: SessionFact) -> [String: String] {
  switch fact {
  case .resumed(let resume):
    members(["was_active": "\(resume.wasActive)", "limit": resume.limit?.description])
  case .limitChanged(let change):
    members([
      "old": change.old?.description, "new": change.new?.description,
      "change": change.change?.description,
    ])
  case .modelChanged(let model): ["model": "\(model)"]
  case .messageReceived(let message): ["message": "\(message)"]
  case .callAdmitted(let admission): description(of: admission)
  case .callEnded(let call, let end): ["call": "\(call)", "end": end.name]
  case .callExtended(let call, let expiresAt):
    ["call": "\(call)", "expires_at": "\(expiresAt.microseconds)"]
  case .usageRecorded(let usage): description(of: usage)
  case .messageAnswered(let message):
    members([
      "message": "\(message.message)", "turn": message.turn?.description,
      "output": message.outputTokens?.description, "model": message.model?.description,
    ])
  case .turnEnded(let turn): ["turn": "\(turn)"]
  case .checkpointed(let totals): ["total": "\(totals.total)", "calls": "\(totals.callCount)"]
  case .exhaustionRequested(let request):
    members([
      "request": "\(request.id)", "used": "\(request.used)", "limit": "\(request.limit)",
      "budget": request.budget?.description,
    ])
  case .exhaustionAnswered(let request, let answer):
    ["request": "\(request)", "answer": text(of: answer)]
  case .warned(let warning): description(of: warning)
  case .optionIgnored(let option): ["option": "\(option)"]
  case .failed(let error):
    members(["error": "\(error.kind)", "status": error.statusCode?.description])
  case .aborted, .deleted: [:]
  case .windowStarted(let number): ["window": "\(number)"]
  case .closed(let closing): ["closing": closing.name]
  }
}

private func description(of admission: CallAdmission) -> [String: String] {
  members([
    "call": "\(admission.call)", "reservation": "\(admission.reservation)",
    "expires_at": "\(admission.expiresAt.microseconds)", "turn": admission.turn?.description,
    "model": admission.model?.description,
  ])
}

private func description(of usage: SessionUsage) -> [String: String] {
  members([
    "usage": "\(usage.id)", "call": usage.call?.description, "sequence": "\(usage.sequence)",
    "model": usage.model?.description, "cost": text(of: usage.cost),
    "estimate": usage.estimate?.description,
    "agent": usage.agent?.description, "duration": usage.durationMilliseconds?.description,
    "finish_reason": usage.finishReason?.description, "upstream": usage.upstreamID?.description,
  ]).merging(usage.tokens.map(description) ?? [:]) { first, _ in first }
}

private func description(of warning: SessionWarning) -> [String: String] {
  switch warning {
  case .limitReached(let used, let limit):
    ["warning": "limit reached", "used": "\(used)", "limit": "\(limit)"]
  case .budgetReached(let budget, let used, let limit):
    [
      "warning": "budget reached", "budget": "\(budget)", "used": "\(used)", "limit": "\(limit)",
    ]
  case .quotaReached(let violations):
    description(of: violations).merging(["warning": "quota reached"]) { first, _ in first }
  case .unknownPrice(let model, let isRefused):
    members([
      "warning": "unknown price", "model": "\(model)", "refused": isRefused ? "true" : nil,
    ])
  }
}

private func text(of cost: CallCost) -> String {
  switch cost {
  case .unavailable: "unavailable"
  case .stated(let amount): "stated \(amount)"
  case .priced(let amount, let price):
    "priced \(amount) input \(price.input) output \(price.output) cache read \(price.cacheRead) "
      + "cache write \(price.cacheWrite) per \(price.batchSize)"
  }
}

private func text(of answer: ExhaustionAnswer) -> String {
  switch answer {
  case .add(let amount): "add \(amount)"
  case .set(let amount): "set \(amount)"
  case .unset: "unset"
  case .cancel: "cancel"
  }
}

/// Those that there are.
private func members(_ members: [String: String?]) -> [String: String] {
  members.compactMapValues(\.self)
}
