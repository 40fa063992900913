import QuotaModel
import TestSupport
import Testing

@Suite struct `The footer of a time zone file` {
  /// The moment of a change, the offset before it and the offset from it on.
  @Test(arguments: [
    ("EST5EDT,M3.2.0,M11.1.0", "2050-03-13T07:00:00Z", -18_000, -14_400),
    ("EST5EDT,M3.2.0,M11.1.0", "2050-11-06T06:00:00Z", -14_400, -18_000),
    // South of the equator the year begins in daylight saving time.
    ("AEST-10AEDT,M10.1.0,M4.1.0/3", "2050-04-02T16:00:00Z", 39_600, 36_000),
    ("AEST-10AEDT,M10.1.0,M4.1.0/3", "2050-10-01T16:00:00Z", 36_000, 39_600),
    // Half an hour of daylight saving time, given as an offset.
    ("<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "2050-10-01T15:30:00Z", 37_800, 39_600),
    // Negative times and times beyond 24 hours, on other days than the one named.
    ("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2050-03-27T01:00:00Z", -7200, -3600),
    ("IST-2IDT,M3.4.4/26,M10.5.0", "2050-03-25T00:00:00Z", 7200, 10_800),
    ("EET-2EEST,M3.4.4/50,M10.4.4/50", "2050-03-26T00:00:00Z", 7200, 10_800),
    ("AAA0BBB,M1.1.0/-167,M7.1.0/167", "2050-07-09T22:00:00Z", 3600, 0),
    ("AAA0BBB,M1.1.0/-167:59:59,M7.1.0", "2049-12-26T00:00:01Z", 0, 3600),
    // Winter time is the exception, one hour less than standard time.
    ("IST-1GMT0,M10.5.0,M3.5.0/1", "2050-03-27T01:00:00Z", 0, 3600),
    ("IST-1GMT0,M10.5.0,M3.5.0/1", "2050-10-30T01:00:00Z", 3600, 0),
    // Jn never counts February 29, n does.
    ("AAA0BBB,J60/0,J300/0", "2051-03-01T00:00:00Z", 0, 3600),
    ("AAA0BBB,J60/0,J300/0", "2052-03-01T00:00:00Z", 0, 3600),
    ("AAA0BBB,J59/0,J300/0", "2052-02-28T00:00:00Z", 0, 3600),
    ("AAA0BBB,59/0,299/0", "2051-03-01T00:00:00Z", 0, 3600),
    ("AAA0BBB,59/0,299/0", "2052-02-29T00:00:00Z", 0, 3600),
    ("AAA0BBB,10,J365/0", "2052-12-30T23:00:00Z", 3600, 0),
    // The last and the first week of a month.
    ("AAA0BBB,M2.5.0/0,M11.4.0/0", "2052-02-25T00:00:00Z", 0, 3600),
    ("AAA0BBB,M2.1.0/0,M12.5.6/0", "2050-02-06T00:00:00Z", 0, 3600),
    ("AAA0BBB,M2.1.0/0,M12.5.6/0", "2050-12-30T23:00:00Z", 3600, 0),
  ])
  func `rules the years to come`(footer: String, change: String, before: Int, after: Int) throws {
    let rules = try TimeZoneFileSketch(footer: footer).rules
    let moment = Moment.at(change)
    #expect(rules.offsetSeconds(at: moment.advanced(byMicroseconds: -1)) == before)
    #expect(rules.offsetSeconds(at: moment) == after)
  }

  @Test(arguments: [
    ("<+03>-3", 10_800), ("<-0330>+3:30", -12_600), ("ABCDEF-13:59:59", 50_399), ("AAA24", -86_400),
    ("AAA-24:59:59", 89_999),
    // Daylight saving time that ends where it starts again.
    ("XXX3EDT4,0/0,J365/23", -14_400), ("EST5EDT,0/0,J365/25", -14_400),
  ])
  func `may give one offset for ever`(footer: String, offset: Int) throws {
    let rules = try TimeZoneFileSketch(footer: footer).rules
    for year in [1970, 2026, 2027, 2028, 2100, 2600, 9999] {
      let newYear = Moment.startOfYear(year)
      for day in 0..<360 as Range<Int64> {
        try #require(rules.offsetSeconds(at: newYear.advanced(bySeconds: day * 86_400)) == offset)
      }
    }
  }

  @Test(arguments: [
    ("A3", 1), ("AA3", 2), ("AAA", 3), ("<AA>3", 3), ("<AAA3", 5), ("AAA25", 3), ("AAA3:60", 5),
    ("AAA3:00:60", 8), ("AAA3x", 5), ("AAA3BBB", 7), ("AAA3BBB,", 8), ("AAA3BBB,M3.2.0", 14),
    ("AAA3BBB,M13.2.0,M11.1.0", 9), ("AAA3BBB,M3.0.0,M11.1.0", 11), ("AAA3BBB,M3.6.0,M11.1.0", 11),
    ("AAA3BBB,M3.2.7,M11.1.0", 13), ("AAA3BBB,J0,J365", 9), ("AAA3BBB,J366,J365", 9),
    ("AAA3BBB,366,365", 8), ("AAA3BBB,0/168,365", 10), ("AAA3BBB,0/,365", 10),
    ("AAA3BBB,0/1,365/1x", 17), ("AAA3BBB,0000,365", 11), (":UTC", 0), ("ÄÄÄ3", 0), (" AAA3", 0),
    ("AAA99999999999999999999", 3), ("AAA3BBB,0,365\0", 13),
  ])
  func `is refused where it stops making sense`(footer: String, offset: Int) {
    #expect(throws: TimeZoneFormatError.invalidFooter(offset: offset)) {
      try TimeZoneFileSketch(footer: footer).rules
    }
  }

  @Test func `must know the last offset of the file`() {
    let sketch = TimeZoneFileSketch(
      transitions: [(0, 1)], offsets: [0, 1800], footer: "AAA-1BBB,M3.5.0,M10.5.0")
    #expect(throws: TimeZoneFormatError.contradictingFooter) { try sketch.rules }
  }

  /// America/Ojinaga 2022: the file's last transition leads to standard time a week before the
  /// rule.
  @Test func `may be a few days behind the last transition`() throws {
    let rules = try TimeZoneFileSketch(
      transitions: [(1_667_116_800, 1)], offsets: [-25_200, -21_600],
      footer: "CST6CDT,M3.2.0,M11.1.0"
    ).rules
    #expect(rules.offsetSeconds(at: .at("2022-10-30T07:59:59Z")) == -25_200)
    #expect(rules.offsetSeconds(at: .at("2022-10-30T08:00:00Z")) == -21_600)
    #expect(rules.offsetSeconds(at: .at("2022-11-06T06:59:59Z")) == -21_600)
    #expect(rules.offsetSeconds(at: .at("2023-03-12T08:00:00Z")) == -18_000)
  }
}
