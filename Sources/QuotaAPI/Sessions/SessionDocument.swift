internal import EventJSON
public import JSON
public import QuotaModel
internal import Sessions

extension JSONWriter {
  /// A session as clients see it (contract session-limits, section 6). `budget_id` is there only for
  /// a session that shares a budget, `position` for one as it was at a point of history.
  public mutating func session(_ session: Session, at position: Position? = nil) {
    beginObject()
    member("session_id", session.id.description)
    name("user")
    if let user = session.user { string(user.description) } else { null() }
    member("state", session.state.rawValue)
    name("session_limits")
    if let limit = session.limit { limits(limit) } else { null() }
    window(session.window)
    usage(of: session)
    name("pending_request")
    if let request = session.request { pending(request) } else { null() }
    member("created_at", session.startedAt.millisecondText)
    member("updated_at", session.updatedAt.millisecondText)
    if let budget = session.budget { member("budget_id", budget.description) }
    if let position { member("position", position) }
    endObject()
  }

  private mutating func limits(_ limit: NanoCredits) {
    beginObject()
    credits("max_ai_credits", limit)
    endObject()
  }

  private mutating func window(_ window: SessionWindow) {
    name("window")
    beginObject()
    member("number", window.number)
    member("started_at", window.startedAt.millisecondText)
    endObject()
  }

  private mutating func usage(of session: Session) {
    name("usage")
    beginObject()
    member("total_nano_aiu", session.total.rawValue)
    member("window_nano_aiu", session.used.rawValue)
    credits("used_ai_credits", session.used)
    credits("remaining_ai_credits", session.remaining)
    member("calls", session.counts.calls)
    member("ai_credits_status", session.creditsStatus.rawValue)
    endObject()
  }

  private mutating func pending(_ request: ExhaustionRequest) {
    beginObject()
    figures(of: request)
    if let budget = request.budget { member("budget_id", budget.description) }
    endObject()
  }

  /// Which question is open, and the figures it is about.
  mutating func figures(of request: ExhaustionRequest) {
    member("request_id", request.id.description)
    credits("used_ai_credits", request.used)
    credits("max_ai_credits", request.limit)
  }

  /// A shared budget as its operators see it; what is kept free for calls under way is not used.
  public mutating func budget(_ budget: SharedBudget, withAccess: Bool = true) {
    beginObject()
    member("budget_id", budget.id.description)
    credits("max_ai_credits", budget.limit)
    member("used_nano_aiu", budget.used.rawValue)
    credits("used_ai_credits", budget.used)
    credits("remaining_ai_credits", budget.limit.subtractingClamped(budget.used))
    // Where every cost is known, the figures say all there is.
    if budget.creditsStatus != .complete {
      member("ai_credits_status", budget.creditsStatus.rawValue)
    }
    if withAccess {
      describe { _ = BudgetAccess.describeOptional(budget.access, to: &$0) }
    }
    endObject()
  }

  /// A number of credits, exact and without exponent; null for none.
  private mutating func credits(_ name: StaticString, _ amount: NanoCredits?) {
    self.name(name)
    if let amount { raw(Array(amount.credits.utf8)) } else { null() }
  }
}
