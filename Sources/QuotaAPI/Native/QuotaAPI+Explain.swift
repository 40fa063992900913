internal import EventJSON
internal import HTTPServer
public import JSON
internal import QuotaModel
public import QuotaService

extension QuotaAPI {
  /// `GET /v1/users/{user}/explain`
  func explain(
    _ text: String, _ request: HTTPRequest, _ caller: Caller, _ reply: ReplyHandle
  ) throws(Problem) -> HTTPResponse? {
    let now = clock()
    let asked = try explanationRequest(text, QueryParameters(request))
    return try answerApart(request, for: caller, reply) { [queries] () throws(Problem) in
      let result = try readStore { () throws(StoreFailure) in
        try queries.explain(asked, now: now)
      }
      return try Self.document(of: result)
    }
  }

  private static func document(
    of result: Result<Explanation, ExplanationFault>
  ) throws(Problem) -> HTTPResponse {
    switch result {
    case .success(let explanation): return .json(200) { $0.explanation(explanation) }
    case .failure(.unknownUser): throw Problem(.unknownUser)
    case .failure(.notARefusal):
      throw Problem(
        404, "not_a_refusal", "no call of this user was refused there", member: "refusal")
    }
  }

  private func explanationRequest(
    _ text: String, _ query: QueryParameters
  ) throws(Problem) -> ExplanationRequest {
    var asked = ExplanationRequest(user: UserReference(text))
    if let name = query["period"] {
      guard let period = Period(name: name) else {
        throw .invalid("period", "must be \(Period.allNames)")
      }
      asked.period = period
    }
    asked.date = try day(query)
    if let refusal = try query.integer("refusal", in: 1...Int64.max) {
      asked.refusal = Position(UInt64(refusal))
    }
    if let after = try query.integer("after", in: 0...Int64.max) {
      asked.after = Position(UInt64(after))
    }
    if let limit = try query.integer("limit", in: 1...1000) { asked.limit = Int(limit) }
    return asked
  }
}

extension JSONWriter {
  /// Everything that is behind a number.
  public mutating func explanation(_ explanation: Explanation) {
    beginObject()
    member("user", explanation.user.description)
    member("period", explanation.window.period.name)
    member("start", explanation.calendar.text(of: explanation.window.start))
    member("end", explanation.calendar.text(of: explanation.window.end))
    member("used", optional: explanation.used?.rawValue)
    member("reserved", explanation.reserved.rawValue)
    if let refusal = explanation.refusal {
      name("refusal")
      event(refusal)
    }
    spends(explanation.spends)
    name("holds")
    beginArray()
    for hold in explanation.holds {
      beginObject()
      member("hold", hold.id.description)
      member("tokens", hold.tokens.rawValue)
      member("expires_at", hold.expiresAt)
      endObject()
    }
    endArray()
    member("has_more_holds", explanation.hasMoreHolds)
    member("next_after", explanation.nextAfter)
    member("has_more", explanation.hasMore)
    member("position", explanation.position)
    endObject()
  }

  private mutating func spends(_ spends: [ExplainedSpend]) {
    name("events")
    beginArray()
    for spend in spends {
      beginObject()
      member("position", spend.event.position)
      member("type", spend.event.fact.kind.name)
      member("happened_at", spend.event.happenedAt)
      member("tokens", spend.tokens)
      endObject()
    }
    endArray()
  }
}
