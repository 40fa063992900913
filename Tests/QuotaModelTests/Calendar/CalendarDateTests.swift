import QuotaModel
import Testing

@Suite struct `A calendar date` {
  @Test(arguments: ["1970-01-01", "2026-11-20", "2028-02-29", "0000-02-29", "9999-12-31"])
  func `is read from its text and written back`(text: String) throws {
    #expect(try CalendarDate(text).text == text)
  }

  @Test(arguments: [
    ("", MomentFormatError.malformed(.year, offset: 0)),
    ("20261120", .malformed(.dateSeparator, offset: 4)),
    ("2026-11-2", .malformed(.day, offset: 8)),
    ("2026-11-20 ", .trailingText(offset: 10)),
    ("2026-11-20T00:00:00Z", .trailingText(offset: 10)),
    ("2026-02-29", .outOfRange(.day)),
    ("1900-02-29", .outOfRange(.day)),
    ("2026-13-01", .outOfRange(.month)),
    ("-026-01-01", .malformed(.year, offset: 0)),
  ])
  func `is not read from anything else`(text: String, error: MomentFormatError) {
    #expect(throws: error) { try CalendarDate(text) }
  }

  @Test(arguments: [
    (2026, 2, 29), (2026, 4, 31), (2026, 1, 0), (2026, 0, 1), (2026, 13, 1), (-1, 1, 1),
    (10_000, 1, 1), (Int.max, Int.max, Int.max), (Int.min, Int.min, Int.min),
  ])
  func `must exist`(year: Int, month: Int, day: Int) {
    #expect(CalendarDate(year: year, month: month, day: day) == nil)
  }

  @Test func `is ordered by year, month and day`() throws {
    let dates = try ["2025-12-31", "2026-01-01", "2026-01-31", "2026-02-01"].map(CalendarDate.init)
    #expect(dates == dates.shuffled().sorted())
  }
}
