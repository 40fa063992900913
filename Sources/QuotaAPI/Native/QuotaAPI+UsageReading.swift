internal import EventJSON
internal import HTTPServer
public import JSON
public import QuotaModel
public import QuotaService

extension QuotaAPI {
  /// `GET /v1/users/{user}/usage`
  func usage(
    of text: String, _ request: HTTPRequest, _ caller: Caller, _ reply: ReplyHandle
  ) throws(Problem) -> HTTPResponse? {
    let now = clock()
    let query = QueryParameters(request)
    let date = try day(query)
    if let point = try pastPoint(query) {
      return try answerApart(request, for: caller, reply) { [queries] () throws(Problem) in
        let reading = try Self.pastUsage(of: text, at: point, on: date, queries)
        return .json(200) { $0.usage(reading, at: point.moment) }
      }
    }
    let reading = try reading { () throws(StoreFailure) in
      if let date { return try queries.usage(of: UserReference(text), on: date) }
      return try queries.usage(of: UserReference(text), at: now)
    }
    guard let reading else { throw Problem(.unknownUser) }
    return .json(200) { $0.usage(reading, at: now) }
  }

  /// The local date that a request is about; nil: today.
  func day(_ query: QueryParameters) throws(Problem) -> CalendarDate? {
    guard let text = query["date"] else { return nil }
    let day: CalendarDate
    do {
      day = try CalendarDate(text)
    } catch {
      throw .invalid("date", "must be a date like 2026-11-20: \(error)")
    }
    guard (1970...9998).contains(day.year) else {
      throw .invalid("date", "must lie in the years 1970 to 9998")
    }
    return day
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
    for period in reading.policy.shownPeriods {
      name(period.name)
      window(period, reading)
    }
    endObject()
    endObject()
  }

  /// What limits a window, and where it comes from: members of an object that is begun.
  mutating func limitMembers(_ period: Period, _ reading: UsageReading) {
    let start = reading.windows[period].start
    let allowed = reading.allowances.tokens(period, inWindowStarting: start)
    member("limit", reading.policy.limits[period].rawValue)
    member("own_limit", optional: reading.account.ownLimits[period]?.rawValue)
    member("system_default", reading.defaults.limits[period].rawValue)
    if allowed > .zero { member("allowance", allowed.rawValue) }
    member("mode", reading.policy.modes[period].name)
  }

  private mutating func window(_ period: Period, _ reading: UsageReading) {
    let window = reading.windows[period]
    let used = reading.used[period]
    let limit = reading.policy.limits[period]
    beginObject()
    member("start", reading.calendar.text(of: window.start))
    member("end", reading.calendar.text(of: window.end))
    limitMembers(period, reading)
    member("used", used.rawValue)
    member("reserved", reading.account.reserved.rawValue)
    member("remaining", optional: limit.remaining(after: used)?.rawValue)
    member("reset_at", reading.calendar.text(of: window.end))
    endObject()
  }
}
