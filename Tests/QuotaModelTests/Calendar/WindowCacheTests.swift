import QuotaModel
import TestSupport
import Testing

@Suite struct `A window cache` {
  @Test func `answers as the calendar does`() throws {
    var numbers = SeededNumbers()
    var cache = WindowCache()
    let zones = ["UTC", "Europe/Tallinn", "America/Havana", "Pacific/Apia"]
      .map { ZoneDatabase.rules($0) }
    var calendar = QuotaCalendar.utc
    var moment = Moment.at("2011-12-01T00:00:00Z")
    for _ in 0..<10_000 {
      if Int.random(in: 0..<50, using: &numbers) == 0 {
        let zone = try #require(zones.randomElement(using: &numbers))
        let weekStart = try #require(Weekday.allCases.randomElement(using: &numbers))
        calendar = QuotaCalendar(zone: zone, weekStart: weekStart)
      }
      moment = moment.advanced(bySeconds: .random(in: -80_000...100_000, using: &numbers))
      try #require(
        Self.windows(of: &cache, containing: moment, in: calendar)
          == Period.allCases.map { calendar.window($0, containing: moment) },
        "\(moment.rfc3339), \(calendar.zone.name), seed \(numbers.seed)")
    }
  }

  @Test func `rolls over at the boundary and back`() {
    var cache = WindowCache()
    let midnight = Moment.at("2026-12-01T00:00:00Z")
    for moment in [midnight.advanced(byMicroseconds: -1), midnight] + [.earliest, midnight] {
      #expect(
        Self.windows(of: &cache, containing: moment, in: .utc)
          == Period.allCases.map { QuotaCalendar.utc.window($0, containing: moment) })
    }
  }

  @Test func `is filled by its first question, even at the epoch`() {
    var cache = WindowCache()
    #expect(
      Self.windows(of: &cache, containing: .earliest, in: .utc)
        == Period.allCases.map { QuotaCalendar.utc.window($0, containing: .earliest) })
  }

  private static func windows(
    of cache: inout WindowCache, containing moment: Moment, in calendar: QuotaCalendar
  ) -> [Window] {
    let windows = cache.windows(containing: moment, in: calendar)
    return Period.allCases.map { windows[$0] }
  }
}
