import QuotaModel
import TestSupport
import Testing

@Suite struct `A quota calendar` {
  /// The examples of the chat-quota contract, sections 3, 5 and 10.
  @Test(arguments: [
    ("UTC", "2026-11-20T21:00:00Z", "2026-11-21", "2026-11-23", "2026-12-01"),
    ("UTC", "2026-01-25T14:30:00Z", "2026-01-26", "2026-01-26", "2026-02-01"),
    ("UTC", "2026-12-20T12:00:00Z", "2026-12-21", "2026-12-21", "2027-01-01"),
    ("UTC", "2026-11-23T00:00:00Z", "2026-11-24", "2026-11-30", "2026-12-01"),
    ("UTC", "2026-11-22T23:59:59.999999Z", "2026-11-23", "2026-11-23", "2026-12-01"),
    ("UTC", "2026-12-31T23:59:59.999999Z", "2027-01-01", "2027-01-04", "2027-01-01"),
    ("UTC", "2028-02-29T12:00:00Z", "2028-03-01", "2028-03-06", "2028-03-01"),
    ("UTC", "2028-02-28T12:00:00Z", "2028-02-29", "2028-03-06", "2028-03-01"),
    ("UTC", "2100-02-28T12:00:00Z", "2100-03-01", "2100-03-01", "2100-03-01"),
  ])
  func `resets at the next midnight, week start, first of a month and of a year`(
    zone: String, moment: String, day: String, week: String, month: String
  ) {
    let calendar = ZoneDatabase.calendar(zone)
    let ends = Period.allCases.map { period in
      calendar.text(of: calendar.window(period, containing: .at(moment)).end)
    }
    let year = (Int(moment.prefix(4)) ?? 0) + 1
    #expect(ends == [day, week, month, "\(year)-01-01"].map { $0 + "T00:00:00+00:00" })
  }

  /// What makes the sum of its months what a year holds, whatever a zone did.
  @Test func `counts a year in its months, without a gap`() throws {
    var numbers = SeededNumbers()
    let zones = ["UTC", "Pacific/Apia", "America/Havana", "Africa/Cairo", "Asia/Kathmandu"]
      .map { ZoneDatabase.rules($0) }
    for _ in 0..<2000 {
      let zone = try #require(zones.randomElement(using: &numbers))
      let calendar = QuotaCalendar(zone: zone, weekStart: .sunday)
      let moment = Moment(microseconds: .random(in: 0..<4_000_000_000_000_000, using: &numbers))
      let year = calendar.window(.yearly, containing: moment)
      let months = calendar.countedParts(of: year)
      let comment: Comment = "\(moment.rfc3339), \(zone.name), seed \(numbers.seed)"
      try #require(year.contains(moment), comment)
      try #require(months.count == 12 && months.first?.start == year.start, comment)
      let ends = months.map { calendar.window(.monthly, containing: $0.start).end }
      try #require(ends == months.dropFirst().map(\.start) + [year.end], comment)
    }
  }

  /// Days that daylight saving time or a move across the date line makes unusual.
  @Test(arguments: [
    // Midnight does not exist.
    (
      "Africa/Cairo", "2026-04-24T12:00:00+03:00", "2026-04-24T01:00:00+03:00",
      "2026-04-25T00:00:00+03:00"
    ),
    (
      "Africa/Cairo", "2026-04-23T12:00:00+02:00", "2026-04-23T00:00:00+02:00",
      "2026-04-24T01:00:00+03:00"
    ),
    (
      "America/Sao_Paulo", "2018-11-04T12:00:00-02:00", "2018-11-04T01:00:00-02:00",
      "2018-11-05T00:00:00-02:00"
    ),
    // Midnight exists twice.
    (
      "America/Havana", "2024-11-03T12:00:00-05:00", "2024-11-03T00:00:00-04:00",
      "2024-11-04T00:00:00-05:00"
    ),
    (
      "America/Havana", "2024-11-03T00:30:00-05:00", "2024-11-03T00:00:00-04:00",
      "2024-11-04T00:00:00-05:00"
    ),
    // 25 and 23 hours.
    (
      "Europe/Tallinn", "2026-10-25T12:00:00+02:00", "2026-10-25T00:00:00+03:00",
      "2026-10-26T00:00:00+02:00"
    ),
    (
      "Europe/Tallinn", "2026-03-29T12:00:00+03:00", "2026-03-29T00:00:00+02:00",
      "2026-03-30T00:00:00+03:00"
    ),
    // Clocks go back to the day before at midnight: it has 25 hours.
    (
      "Africa/Cairo", "2026-10-29T23:30:00+02:00", "2026-10-29T00:00:00+03:00",
      "2026-10-30T00:00:00+02:00"
    ),
    // Clocks go back from 00:01 to 23:01 of the day before, which stays over.
    (
      "America/St_Johns", "2010-11-06T23:30:00-02:30", "2010-11-06T00:00:00-02:30",
      "2010-11-07T00:00:00-02:30"
    ),
    (
      "America/St_Johns", "2010-11-06T23:30:00-03:30", "2010-11-07T00:00:00-02:30",
      "2010-11-08T00:00:00-03:30"
    ),
    (
      "America/St_Johns", "2010-11-07T12:00:00-03:30", "2010-11-07T00:00:00-02:30",
      "2010-11-08T00:00:00-03:30"
    ),
    // Half an hour of daylight saving time.
    (
      "Australia/Lord_Howe", "2026-10-04T12:00:00+11:00", "2026-10-04T00:00:00+10:30",
      "2026-10-05T00:00:00+11:00"
    ),
    // A whole date is missing.
    (
      "Pacific/Apia", "2011-12-29T12:00:00-10:00", "2011-12-29T00:00:00-10:00",
      "2011-12-31T00:00:00+14:00"
    ),
    (
      "Pacific/Apia", "2011-12-31T12:00:00+14:00", "2011-12-31T00:00:00+14:00",
      "2012-01-01T00:00:00+14:00"
    ),
    (
      "Pacific/Kwajalein", "1993-08-20T12:00:00-12:00", "1993-08-20T00:00:00-12:00",
      "1993-08-22T00:00:00+12:00"
    ),
    // Far beyond every table.
    (
      "Europe/Tallinn", "2526-03-31T12:00:00+03:00", "2526-03-31T00:00:00+02:00",
      "2526-04-01T00:00:00+03:00"
    ),
    (
      "Europe/Tallinn", "9998-10-25T12:00:00+02:00", "9998-10-25T00:00:00+03:00",
      "9998-10-26T00:00:00+02:00"
    ),
  ])
  func `starts a day at the first moment of its date`(
    zone: String, moment: String, start: String, end: String
  ) {
    let calendar = ZoneDatabase.calendar(zone)
    let window = calendar.window(.daily, containing: .at(moment))
    #expect(calendar.text(of: window.start) == start)
    #expect(calendar.text(of: window.end) == end)
  }

  /// The contract's three examples, by the rules that were known when it was written.
  ///
  /// Governments change rules at short notice (tzdata 2026f lets Cuba keep its summer time through
  /// the winter of 2026), so the system's files do not answer for days to come.
  @Test(arguments: [
    ("EET-2EEST,M4.5.5/0,M10.5.4/24", "2026-04-24T01:00:00+03:00", "2026-04-25T00:00:00+03:00"),
    ("CST5CDT,M3.2.0/0,M11.1.0/1", "2026-11-01T00:00:00-04:00", "2026-11-02T00:00:00-05:00"),
    ("EET-2EEST,M3.5.0/3,M10.5.0/4", "2026-10-25T00:00:00+03:00", "2026-10-26T00:00:00+02:00"),
  ])
  func `starts days as the contract shows`(footer: String, start: String, end: String) throws {
    let calendar = QuotaCalendar(zone: try TimeZoneFileSketch(footer: footer).rules)
    let window = calendar.window(.daily, containing: .at(start))
    #expect(calendar.text(of: window.start) == start)
    #expect(calendar.text(of: window.end) == end)
    let before = calendar.window(.daily, containing: window.start.advanced(byMicroseconds: -1))
    #expect(before.end == window.start)
  }

  @Test(arguments: [
    (Weekday.monday, "2026-11-16", "2026-11-23"), (.tuesday, "2026-11-17", "2026-11-24"),
    (.friday, "2026-11-20", "2026-11-27"), (.saturday, "2026-11-14", "2026-11-21"),
    (.sunday, "2026-11-15", "2026-11-22"),
  ])
  func `starts a week on the chosen day`(weekStart: Weekday, start: String, end: String) {
    let calendar = QuotaCalendar(zone: .utc, weekStart: weekStart)
    let window = calendar.window(.weekly, containing: .at("2026-11-20T21:00:00Z"))
    #expect(calendar.date(of: window.start).text == start)
    #expect(calendar.date(of: window.end).text == end)
  }

  @Test func `counts the repeated end of a date on the date that has begun`() {
    let calendar = ZoneDatabase.calendar("America/St_Johns")
    #expect(calendar.date(of: .at("2010-11-06T23:30:00-02:30")).text == "2010-11-06")
    #expect(calendar.date(of: .at("2010-11-07T00:00:30-02:30")).text == "2010-11-07")
    #expect(calendar.date(of: .at("2010-11-06T23:30:00-03:30")).text == "2010-11-07")
    let shown = calendar.text(of: .at("2010-11-06T23:30:00-03:30"))
    #expect(shown == "2010-11-06T23:30:00-03:30")
  }

  @Test(arguments: [
    ("Pacific/Apia", "2011-12-30", "2011-12-31"),
    ("Pacific/Kwajalein", "1993-08-21", "1993-08-22"),
    ("Pacific/Kiritimati", "1994-12-31", "1995-01-01"),
  ])
  func `gives a skipped date the day after it`(zone: String, skipped: String, next: String) throws {
    let calendar = ZoneDatabase.calendar(zone)
    let window = calendar.window(.daily, of: try CalendarDate(skipped))
    #expect(window == calendar.window(.daily, of: try CalendarDate(next)))
    #expect(calendar.text(of: window.start).prefix(10) == next)
  }

  @Test func `starts a week later if the date that opens it was skipped`() {
    let calendar = ZoneDatabase.calendar("Pacific/Apia", weekStart: .friday)
    let week = calendar.window(.weekly, containing: .at("2012-01-02T00:00:00Z"))
    #expect(calendar.text(of: week.start) == "2011-12-31T00:00:00+14:00")
    #expect(calendar.text(of: week.end) == "2012-01-06T00:00:00+14:00")
  }

  @Test func `lets a month end early if its last date was skipped`() throws {
    let calendar = ZoneDatabase.calendar("Pacific/Kiritimati")
    let month = calendar.window(.monthly, of: try CalendarDate("1994-12-31"))
    #expect(calendar.text(of: month.start) == "1994-12-01T00:00:00-10:00")
    #expect(calendar.text(of: month.end) == "1995-01-01T00:00:00+14:00")
    #expect(month.end == .at("1994-12-31T10:00:00Z"))
  }

  @Test func `is UTC with weeks from Monday unless told otherwise`() {
    #expect(QuotaCalendar.utc == QuotaCalendar(zone: .utc, weekStart: .monday))
    #expect(
      QuotaCalendar.utc.text(of: .at("2026-11-20T21:00:00.9Z")) == "2026-11-20T21:00:00+00:00")
  }

  @Test func `writes an offset with seconds so that the text names the same moment`() {
    let calendar = ZoneDatabase.calendar("Africa/Monrovia")
    let moment = Moment.at("1971-06-01T00:00:00Z")
    #expect(calendar.zone.offsetSeconds(at: moment) == -2670)
    #expect(calendar.text(of: moment) == "1971-05-31T23:16:00-00:44")
    #expect(Moment.at(calendar.text(of: moment)) == moment)
  }

  @Test(arguments: [Moment(microseconds: .min), Moment(microseconds: .max), .earliest, .latest])
  func `answers for every moment there is`(moment: Moment) {
    for name in ["UTC", "Europe/Tallinn", "Pacific/Apia", "America/St_Johns"] {
      let calendar = ZoneDatabase.calendar(name)
      for period in Period.allCases {
        let window = calendar.window(period, containing: moment)
        #expect(window.start < window.end)
        #expect(window.start <= moment && moment <= window.end)
      }
      #expect(!calendar.date(of: moment).text.isEmpty && !calendar.text(of: moment).isEmpty)
    }
  }
}
