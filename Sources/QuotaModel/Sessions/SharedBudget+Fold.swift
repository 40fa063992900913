extension SharedBudget? {
  /// Takes the next change of a budget itself into account, from that which makes it on.
  public mutating func apply(_ change: BudgetChange) {
    var budget = self ?? SharedBudget(id: change.budget, limit: change.new)
    budget.limit = change.new
    budget.access = change.access ?? budget.access
    self = budget
  }
}

extension SharedBudget {
  /// Takes the next event of one of its sessions into account; the session is as it was before.
  public mutating func apply(_ fact: SessionFact, of session: Session, at position: Position) {
    switch session.callChange(by: fact, at: position) {
    case .begun(let call): setAside(call.reservation, insteadOf: .zero)
    case .ended(let call): setAside(.zero, insteadOf: call.reservation)
    case .extended, nil: break
    }
    switch fact {
    case .usageRecorded(let usage): count(usage, of: session)
    case .exhaustionRequested(let request):
      if request.budget == id { asking.append(session.ref) }
    case .exhaustionAnswered: asking.removeAll { $0 == session.ref }
    case .resumed, .limitChanged, .modelChanged, .messageReceived, .callAdmitted, .callEnded,
      .callExtended, .messageAnswered, .turnEnded, .checkpointed, .warned, .optionIgnored, .failed,
      .aborted, .windowStarted, .closed, .deleted:
      break
    }
  }

  /// Keeps credits free for calls under way instead of those that were.
  public mutating func setAside(_ new: NanoCredits, insteadOf old: NanoCredits) {
    reserved = reserved.subtractingClamped(old).addingClamped(new)
  }

  /// Takes into account what a call cost that a hold stood for.
  public mutating func count(_ change: HoldChange, of hold: Hold) {
    guard let settlement = change.settlement else { return }
    used = used.addingClamped(settlement.credits)
    calls += 1
    if change.tellsCost { note(settlement.credits, of: settlement.spend.model) }
  }

  private mutating func count(_ usage: SessionUsage, of session: Session) {
    used = used.addingClamped(session.amount(counting: usage))
    calls += 1
    if usage.cost == .unavailable { unpricedCalls += 1 }
    if session.estimate(settledBy: usage) != nil, unpricedCalls > 0 { unpricedCalls -= 1 }
    if let cost = usage.cost.amount { note(cost, of: usage.model) }
  }

  private mutating func note(_ cost: NanoCredits, of model: ModelName?) {
    if let place = dearestCalls.firstIndex(where: { $0.model == model }) {
      dearestCalls[place].cost = max(dearestCalls[place].cost, cost)
    } else if dearestCalls.count < DearestCall.maximumCount {
      dearestCalls.append(DearestCall(model: model, cost: cost))
    }
  }
}

extension HoldChange {
  /// The shared budgets that pay for what was used. That of the session pays by what the session counts;
  /// where the session is gone, nobody else would count it.
  public func payers(of hold: Hold, in session: Session?) -> [BudgetID] {
    guard let settlement, settlement.credits > .zero else { return [] }
    guard !settlement.isCountedInSession, let own = session?.budget else { return hold.budgets }
    return hold.budgets + [own]
  }

  /// Whether somebody told what was used cost. What nobody told of a part is not counted at all; at the end
  /// it is what was held, and teaches the budgets nothing about the model.
  fileprivate var tellsCost: Bool { settlement.map { !$0.isCostUnknown } ?? false }
}
