internal import EventJSON
internal import HTTPServer
internal import JSON
internal import QuotaModel
internal import QuotaService

/// `?as_of=`: answers about a point of history, a position or a recorded moment, which are the same whenever
/// they are asked for.
extension QuotaAPI {
  /// Events that an answer may look at.
  static let maximumPastEventCount = 100_000

  /// The point that a request is about; nil: now.
  func pastPoint(_ query: QueryParameters) throws(Problem) -> PastPoint? {
    guard let text = query["as_of"] else { return nil }
    guard let point = PointInTime(text) else {
      throw .invalid("as_of", "must be a position or a moment such as 2026-11-20T21:00:00Z")
    }
    let now = clock()
    let found = try reading { () throws(StoreFailure) in try queries.resolve(point, now: now) }
    switch found {
    case .success(let point): return point
    case .failure(let fault): throw Problem(fault)
    }
  }

  /// What a user's windows held, all but the numbers of which an answer may show.
  static func pastUsage(
    of user: String, at point: PastPoint, on date: CalendarDate?, _ queries: Queries
  ) throws(Problem) -> UsageReading {
    let result = try readStore { () throws(StoreFailure) in
      try queries.usage(
        of: UserReference(user), at: point, on: date, limit: maximumPastEventCount)
    }
    switch result {
    case .success(let reading?): return reading
    case .success(nil): throw Problem(.unknownUser)
    case .failure(let fault): throw Problem(fault)
    }
  }

  /// `GET /v1/users/{user}/limits`
  func limits(
    of user: String, _ request: HTTPRequest, _ caller: Caller, _ reply: ReplyHandle
  ) throws(Problem) -> HTTPResponse? {
    let query = QueryParameters(request)
    if let point = try pastPoint(query) {
      return try answerApart(request, for: caller, reply) { [queries] () throws(Problem) in
        let reading = try Self.pastUsage(of: user, at: point, on: nil, queries)
        return .json(200) { $0.limits(reading, at: point.moment) }
      }
    }
    let now = clock()
    let reading = try reading { () throws(StoreFailure) in
      try queries.usage(of: UserReference(user), at: now)
    }
    guard let reading else { throw Problem(.unknownUser) }
    return .json(200) { $0.limits(reading, at: now) }
  }
}

extension Problem {
  init(_ fault: PastFault) {
    switch fault {
    case .beyondHead(let head):
      self.init(
        404, "beyond_end", "as_of \(fault)", member: "as_of", position: head.rawValue)
    case .tooRecent:
      self.init(400, "invalid", "as_of \(fault)", member: "as_of")
    case .tooLong:
      self.init(
        422, "too_long",
        "as_of \(fault): ask for a later point, or with `quotalog usage USER --as-of`",
        member: "as_of")
    }
  }
}

extension JSONWriter {
  /// The limits that decide about a user, and where each comes from.
  fileprivate mutating func limits(_ reading: UsageReading, at moment: Moment) {
    beginObject()
    member("user", reading.account.user.description)
    member("position", reading.position)
    member("at", moment)
    name("limits")
    beginObject()
    for period in reading.policy.shownPeriods {
      name(period.name)
      limit(period, reading)
    }
    endObject()
    endObject()
  }

  private mutating func limit(_ period: Period, _ reading: UsageReading) {
    beginObject()
    limitMembers(period, reading)
    member("own_mode", optional: reading.account.ownModes[period]?.name.description)
    endObject()
  }
}
