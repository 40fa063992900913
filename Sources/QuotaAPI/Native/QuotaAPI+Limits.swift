internal import EventJSON
internal import HTTPServer
internal import JSON
internal import QuotaModel
internal import QuotaService

extension QuotaAPI {
  /// `PATCH /v1/users/{user}/limits`
  func setLimits(
    of text: String, _ request: HTTPRequest, _ caller: Caller, _ reply: ReplyHandle
  ) throws(Problem) -> HTTPResponse? {
    let change = try limitsChange(request)
    let user = UserReference(text)
    if let effectiveAt = change.effectiveAt {
      schedule(
        .schedule(user, change.limits, effectiveAt: effectiveAt), change, request, caller, reply)
      return nil
    }
    submit(
      .setLimits(user, change.limits, modes: change.modes), request, caller, reply,
      reason: change.reason
    ) { [unowned self] answer in limitsResponse(of: text, answer) }
    return nil
  }

  /// `PUT /v1/defaults`
  func setDefaults(
    _ request: HTTPRequest, _ caller: Caller, _ reply: ReplyHandle
  ) throws(Problem) -> HTTPResponse? {
    let change = try limitsChange(request)
    if let effectiveAt = change.effectiveAt {
      schedule(
        .schedule(nil, change.limits, effectiveAt: effectiveAt), change, request, caller, reply)
      return nil
    }
    // A limit of the year may be left out, as whoever does not know of it does: then it stays.
    for period in Period.allCases {
      switch change.limits[period] {
      case .set: continue
      case .keep where period.counted == nil: continue
      case .keep, .unset:
        throw .invalid(period.limitName.description, "must be a number: -1 is unlimited")
      }
    }
    submit(
      .setDefaults(change.limits, modes: change.modes), request, caller, reply,
      reason: change.reason
    ) { [unowned self] _ in
      do throws(Problem) { return try defaults() } catch { return error.response }
    }
    return nil
  }

  /// What a body says of limits.
  fileprivate struct LimitsChange {
    var limits: LimitUpdates
    var modes: ModeUpdates
    /// nil: now.
    var effectiveAt: Moment?
    var requestID: RequestID?
    var reason: Reason?
  }

  /// A body of limits and nothing else: a misspelled limit must not look like one left out.
  private func limitsChange(_ request: HTTPRequest) throws(Problem) -> LimitsChange {
    let body = try object(request)
    let names =
      Period.allCases.flatMap { [$0.limitName.description, $0.modeName.description] }
      + ["effective_at", "id", "reason"]
    if let stranger = body.members.first(where: { !names.contains($0.name) }) {
      throw .invalid(stranger.name, "is none of \(names.joined(separator: ", "))")
    }
    do throws(MemberFault) {
      let change = LimitsChange(
        limits: try body.members(), modes: try body.modeUpdates(),
        effectiveAt: try body.moment("effective_at"), requestID: try request.requestID(body),
        reason: try body.bounded("reason", Reason.init))
      try change.check(isNamed: body["id"] != nil)
      return change
    } catch {
      throw Problem(error)
    }
  }

  private func schedule(
    _ command: Command, _ change: LimitsChange, _ request: HTTPRequest, _ caller: Caller,
    _ reply: ReplyHandle
  ) {
    submit(
      command, request, caller, reply, requestID: change.requestID, reason: change.reason
    ) { answer in
      guard case .recorded(let receipt) = answer else { return .unexpected }
      return .json(202) { json in
        json.beginObject()
        json.member("schedule", receipt.position.description)
        if let effectiveAt = change.effectiveAt { json.member("effective_at", effectiveAt) }
        json.receipt(receipt)
        json.endObject()
      }
    }
  }

  /// The limits as they are now, which somebody else may have changed since, and their position.
  private func limitsResponse(of text: String, _ answer: Answer) -> HTTPResponse {
    do throws(Problem) {
      let user = try known(text)
      let account = user.account
      return .json(200) { json in
        json.beginObject()
        json.member("user", account.user.description)
        json.member("changed", answer != .unchanged)
        json.member("position", user.position)
        for period in account.shownPeriods {
          json.member(period.limitName, optional: account.ownLimits[period]?.rawValue)
        }
        for period in account.shownPeriods {
          json.member(period.modeName, optional: account.ownModes[period]?.name)
        }
        json.endObject()
      }
    } catch {
      return error.response
    }
  }

  /// `GET /v1/defaults`
  func defaults(
    _ request: HTTPRequest, _ caller: Caller, _ reply: ReplyHandle
  ) throws(Problem) -> HTTPResponse? {
    guard let point = try pastPoint(QueryParameters(request)) else { return try defaults() }
    return try answerApart(request, for: caller, reply) { [queries] () throws(Problem) in
      let policy = try readStore { () throws(StoreFailure) in try queries.defaults(at: point) }
      return Self.document(of: policy, at: point.position)
    }
  }

  private func defaults() throws(Problem) -> HTTPResponse {
    let system = try reading { () throws(StoreFailure) in try queries.system() }
    return Self.document(of: system.defaults, at: system.position)
  }

  private static func document(of policy: SystemPolicy, at position: Position) -> HTTPResponse {
    .json(200) { json in
      json.beginObject()
      for period in policy.shownPeriods {
        json.member(period.limitName, policy.limits[period].rawValue)
      }
      for period in policy.shownPeriods {
        json.member(period.modeName, policy.modes[period].name)
      }
      json.member("position", position)
      json.endObject()
    }
  }
}

extension QuotaAPI.LimitsChange {
  /// `isNamed`: whether the body gives an id.
  fileprivate func check(isNamed: Bool) throws(MemberFault) {
    guard effectiveAt != nil else {
      guard !isNamed else {
        throw MemberFault(
          member: "id",
          rule: "is only for a change with effective_at: one made now is the same when repeated")
      }
      return
    }
    if let period = Period.allCases.first(where: { modes[$0] != .keep }) {
      throw MemberFault(
        member: period.modeName.description, rule: "cannot be changed later, only limits can")
    }
    if Period.allCases.allSatisfy({ limits[$0] == .keep }) {
      throw MemberFault(member: "effective_at", rule: "needs at least one limit that changes then")
    }
  }
}

extension JSONValue {
  /// Modes that are given; null goes back to the default, an absent one stays.
  fileprivate func modeUpdates() throws(MemberFault) -> ModeUpdates {
    try ModeUpdates { (period) throws(MemberFault) in
      try update(period.modeName)
    }
  }
}
