internal import HTTPServer
public import JSON
public import QuotaModel
public import QuotaService

extension QuotaAPI {
  /// `GET /v1/users/{user}/usage`
  func usage(
    of text: String, _ request: HTTPRequest, _ caller: Caller
  ) throws(Problem) -> HTTPResponse {
    let now = clock()
    let date = QueryParameters(request)["date"]
    let reading: UsageReading?
    if let date {
      let day: CalendarDate
      do {
        day = try CalendarDate(date)
      } catch {
        throw .invalid("date", "must be a date like 2026-11-20: \(error)")
      }
      guard (1970...9998).contains(day.year) else {
        throw .invalid("date", "must lie in the years 1970 to 9998")
      }
      reading = try self.reading { () throws(StoreFailure) in
        try queries.usage(of: UserReference(text), on: day)
      }
    } else {
      reading = try self.reading { () throws(StoreFailure) in
        try queries.usage(of: UserReference(text), at: now)
      }
    }
    guard let reading else { throw Problem(.unknownUser) }
    return .json(200) { $0.usage(reading, at: now) }
  }

  /// `PATCH /v1/users/{user}/limits`
  func setLimits(
    of text: String, _ request: HTTPRequest, _ caller: Caller, _ reply: ReplyHandle
  ) throws(Problem) -> HTTPResponse? {
    let body = try limitsBody(request)
    let updates: LimitUpdates
    do throws(MemberFault) {
      updates = try LimitUpdates { (period) throws(MemberFault) in
        if body[period.limitName] == nil { return .keep }
        return try body.limit(period.limitName).map(LimitUpdate.set) ?? .unset
      }
    } catch {
      throw Problem(error)
    }
    submit(.setLimits(UserReference(text), updates), request, caller, reply) {
      [unowned self] answer in
      limitsResponse(of: text, answer)
    }
    return nil
  }

  /// A body of limits and nothing else: a misspelled limit must not look like one left out.
  private func limitsBody(_ request: HTTPRequest) throws(Problem) -> JSONValue {
    let body = try object(request)
    let names = Period.allCases.map(\.limitName.description)
    if let stranger = body.members.first(where: { !names.contains($0.name) }) {
      throw .invalid(stranger.name, "is no limit: \(names.joined(separator: ", "))")
    }
    return body
  }

  private func limitsResponse(of text: String, _ answer: Answer) -> HTTPResponse {
    do throws(Problem) {
      let account = try known(text).account
      return .json(200) { json in
        json.beginObject()
        json.member("user", account.user.description)
        json.member("changed", answer != .unchanged)
        if case .recorded(let receipt) = answer { json.member("position", receipt.position) }
        for period in Period.allCases {
          json.member(period.limitName, optional: account.ownLimits[period]?.rawValue)
        }
        json.endObject()
      }
    } catch {
      return error.response
    }
  }

  /// `GET /v1/defaults`
  func defaults() throws(Problem) -> HTTPResponse {
    let state = try reading { () throws(StoreFailure) in try queries.system() }
    return .json(200) { json in
      json.beginObject()
      for period in Period.allCases {
        json.member(period.limitName, state.defaults[period].rawValue)
      }
      json.member("position", state.position)
      json.endObject()
    }
  }

  /// `PUT /v1/defaults`
  func setDefaults(
    _ request: HTTPRequest, _ caller: Caller, _ reply: ReplyHandle
  ) throws(Problem) -> HTTPResponse? {
    let body = try limitsBody(request)
    let limits: Limits
    do throws(MemberFault) {
      limits = try Limits { (period) throws(MemberFault) in
        guard let limit = try body.limit(period.limitName) else {
          throw MemberFault(
            member: period.limitName.description, rule: "must be a number: -1 is unlimited")
        }
        return limit
      }
    } catch {
      throw Problem(error)
    }
    submit(.setDefaults(limits), request, caller, reply) { [unowned self] _ in
      do throws(Problem) { return try defaults() } catch { return error.response }
    }
    return nil
  }
}

extension JSONWriter {
  /// What windows hold, with everything that it takes to understand the numbers.
  public mutating func usage(_ reading: UsageReading, at moment: Moment) {
    beginObject()
    member("user", reading.account.user.description)
    member("position", reading.position)
    member("at", moment)
    member("time_zone", reading.calendar.zone.name)
    member("week_start", reading.calendar.weekStart.name)
    name("windows")
    beginObject()
    for period in Period.allCases {
      name(period.name)
      window(period, reading)
    }
    endObject()
    endObject()
  }

  private mutating func window(_ period: Period, _ reading: UsageReading) {
    let window = reading.windows[period]
    let used = reading.used[period]
    let limit = reading.limits[period]
    beginObject()
    member("start", reading.calendar.text(of: window.start))
    member("end", reading.calendar.text(of: window.end))
    member("limit", limit.rawValue)
    member("own_limit", optional: reading.account.ownLimits[period]?.rawValue)
    member("system_default", reading.defaults[period].rawValue)
    member("used", used.rawValue)
    member("reserved", reading.account.reserved.rawValue)
    member("remaining", optional: limit.remaining(after: used)?.rawValue)
    member("reset_at", reading.calendar.text(of: window.end))
    endObject()
  }
}
