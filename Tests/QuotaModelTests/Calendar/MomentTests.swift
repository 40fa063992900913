import Foundation
import QuotaModel
import TestSupport
import Testing

@Suite struct `A moment` {
  @Test(arguments: [
    ("1970-01-01T00:00:00Z", 0),
    ("2026-11-20T21:00:00.123456Z", 1_795_208_400_123_456),
    ("2026-11-20T23:00:00.123456+02:00", 1_795_208_400_123_456),
    ("2026-11-20t21:00:00.123456z", 1_795_208_400_123_456),
    ("2026-11-20 21:00:00Z", 1_795_208_400_000_000),
    ("2026-11-20T21:00:00-00:00", 1_795_208_400_000_000),
    ("2026-11-20T11:30:00-09:30", 1_795_208_400_000_000),
    ("2026-11-20T21:00:00.1Z", 1_795_208_400_100_000),
    ("2026-11-20T21:00:00.0000019999999999999999999999Z", 1_795_208_400_000_001),
    ("2028-02-29T00:00:00Z", 1_835_395_200_000_000),
    ("2000-02-29T12:00:00Z", 951_825_600_000_000),
    ("1969-12-31T23:30:00-00:30", 0),
    ("9999-12-31T23:59:59.999999999Z", Moment.latest.microseconds),
    ("2016-12-31T23:59:60Z", 1_483_228_799_999_999),
    ("2016-12-31T23:59:60.7Z", 1_483_228_799_999_999),
    ("2017-01-01T08:59:60+09:00", 1_483_228_799_999_999),
    ("2027-02-28T23:59:60Z", 1_803_859_199_999_999),
  ])
  func `is read from RFC 3339`(text: String, microseconds: Int64) throws {
    #expect(try Moment(rfc3339: text) == Moment(microseconds: microseconds))
  }

  @Test(arguments: [
    ("", MomentFormatError.malformed(.year, offset: 0)),
    ("now", .malformed(.year, offset: 0)),
    ("202-11-20T21:00:00Z", .malformed(.year, offset: 0)),
    ("+2026-11-20T21:00:00Z", .malformed(.year, offset: 0)),
    ("20261120T210000Z", .malformed(.dateSeparator, offset: 4)),
    ("2026-1-20T21:00:00Z", .malformed(.month, offset: 5)),
    ("2026-13-20T21:00:00Z", .outOfRange(.month)),
    ("2026-00-20T21:00:00Z", .outOfRange(.month)),
    ("2026-11-20", .malformed(.timeSeparator, offset: 10)),
    ("2026-11-31T21:00:00Z", .outOfRange(.day)),
    ("2026-11-00T21:00:00Z", .outOfRange(.day)),
    ("2026-11-32T21:00:00Z", .outOfRange(.day)),
    ("2027-02-29T21:00:00Z", .outOfRange(.day)),
    ("2100-02-29T21:00:00Z", .outOfRange(.day)),
    ("2026-11-20_21:00:00Z", .malformed(.timeSeparator, offset: 10)),
    ("2026-11-20  21:00:00Z", .malformed(.hour, offset: 11)),
    ("2026-11-20T24:00:00Z", .outOfRange(.hour)),
    ("2026-11-20T21:60:00Z", .outOfRange(.minute)),
    ("2026-11-20T21:00Z", .malformed(.colon, offset: 16)),
    ("2026-11-20T2100Z", .malformed(.colon, offset: 13)),
    ("2026-11-20T21:00:61Z", .outOfRange(.second)),
    ("2026-11-20T21:00:0", .malformed(.second, offset: 17)),
    ("2026-11-20T21:00:00.Z", .malformed(.fraction, offset: 20)),
    ("2026-11-20T21:00:00,5Z", .malformed(.offset, offset: 19)),
    ("2026-11-20T21:00:00", .malformed(.offset, offset: 19)),
    ("2026-11-20T21:00:00+02", .malformed(.colon, offset: 22)),
    ("2026-11-20T21:00:00+0200", .malformed(.colon, offset: 22)),
    ("2026-11-20T21:00:00+24:00", .outOfRange(.offsetHour)),
    ("2026-11-20T21:00:00+02:60", .outOfRange(.offsetMinute)),
    ("2026-11-20T21:00:00−02:00", .malformed(.offset, offset: 19)),
    ("2026-11-20T21:00:00Z ", .trailingText(offset: 20)),
    (" 2026-11-20T21:00:00Z", .malformed(.year, offset: 0)),
    ("2026-11-20T21:00:00Z\0", .trailingText(offset: 20)),
    ("٢٠٢٦-11-20T21:00:00Z", .malformed(.year, offset: 0)),
    ("2026-11-20T23:59:60Z", .misplacedLeapSecond),
    ("2026-11-30T23:58:60Z", .misplacedLeapSecond),
    ("2026-11-30T23:59:60+01:00", .misplacedLeapSecond),
    ("1969-12-31T23:59:59Z", .unsupportedYear),
    ("1970-01-01T00:30:00+01:00", .unsupportedYear),
    ("0000-01-01T00:00:00Z", .unsupportedYear),
    ("9999-12-31T23:59:59-00:01", .unsupportedYear),
    ("9999-12-31T23:59:60-23:59", .misplacedLeapSecond),
  ])
  func `is not read from anything else`(text: String, error: MomentFormatError) {
    #expect(throws: error) { try Moment(rfc3339: text) }
    #expect(!error.description.isEmpty)
  }

  @Test(arguments: [
    (0, "1970-01-01T00:00:00.000000Z"),
    (1_795_208_400_123_456, "2026-11-20T21:00:00.123456Z"),
    (1_795_208_400_000_001, "2026-11-20T21:00:00.000001Z"),
    (Moment.latest.microseconds, "9999-12-31T23:59:59.999999Z"),
    (-1, "1969-12-31T23:59:59.999999Z"),
    (Int64.min, "-290308-12-21T19:59:05.224192Z"),
    (Int64.max, "+294247-01-10T04:00:54.775807Z"),
  ])
  func `is written in UTC with six fraction digits`(microseconds: Int64, text: String) {
    let moment = Moment(microseconds: microseconds)
    #expect(moment.rfc3339 == text)
    var bytes = Array("at ".utf8)
    moment.write(into: &bytes)
    #expect(String(decoding: bytes, as: UTF8.self) == "at " + text)
  }

  @Test func `reads back what it wrote, as Foundation writes it`() throws {
    var numbers = SeededNumbers()
    let style = Date.ISO8601FormatStyle()
    for _ in 0..<5_000 {
      let range = Moment.earliest.microseconds...Moment.latest.microseconds
      let moment = Moment(microseconds: .random(in: range, using: &numbers))
      try #require(try Moment(rfc3339: moment.rfc3339) == moment, "seed \(numbers.seed)")
      let date = Date(timeIntervalSince1970: Double(moment.microseconds / 1_000_000))
      try #require(
        moment.rfc3339.prefix(19) == style.format(date).prefix(19), "seed \(numbers.seed)")
    }
  }

  @Test func `is ordered by time`() {
    #expect(Moment.earliest < Moment.latest)
    #expect(Moment(microseconds: -1) < Moment(microseconds: 0))
  }
}
