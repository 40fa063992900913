import Foundation
import QuotaModel
import Testing

@Suite struct `The windows of a calendar` {
  @Test func `tile time in every zone with every week start`() throws {
    var numbers = SeededNumbers()
    for zone in ZoneDatabase.distinctZones {
      let moments = Self.moments(in: zone, using: &numbers)
      for weekStart in Weekday.allCases {
        let calendar = QuotaCalendar(zone: zone, weekStart: weekStart)
        let periods: [Period] = weekStart == .monday ? Period.allCases : [.weekly]
        for moment in moments {
          for period in periods {
            try #require(
              Self.tiles(period, around: moment, in: calendar),
              "\(zone.name), \(weekStart), \(period), \(moment.rfc3339), seed \(numbers.seed)")
          }
        }
      }
    }
  }

  @Test func `hold a day within one week and one month`() throws {
    var numbers = SeededNumbers()
    for zone in ZoneDatabase.distinctZones {
      let weekStart = try #require(Weekday.allCases.randomElement(using: &numbers))
      let calendar = QuotaCalendar(zone: zone, weekStart: weekStart)
      for moment in Self.moments(in: zone, using: &numbers) {
        let day = calendar.window(.daily, containing: moment)
        for period in [Period.weekly, .monthly] {
          let longer = calendar.window(period, containing: moment)
          try #require(
            longer.start <= day.start && day.end <= longer.end,
            "\(zone.name), \(period), \(moment.rfc3339), seed \(numbers.seed)")
        }
      }
    }
  }

  @Test func `come from the cache as from the calendar`() throws {
    var numbers = SeededNumbers()
    var cache = WindowCache()
    let names = ["UTC", "Europe/Tallinn", "America/Havana", "Pacific/Apia"]
    var calendar = QuotaCalendar.utc
    var moment = Moment.at("2011-12-01T00:00:00Z")
    for _ in 0..<5_000 {
      if Int.random(in: 0..<50, using: &numbers) == 0 {
        let name = try #require(names.randomElement(using: &numbers))
        let weekStart = try #require(Weekday.allCases.randomElement(using: &numbers))
        calendar = ZoneDatabase.calendar(name, weekStart: weekStart)
      }
      moment = moment.advanced(bySeconds: .random(in: -80_000...100_000, using: &numbers))
      let windows = cache.windows(containing: moment, in: calendar)
      let expected = Period.allCases.map { calendar.window($0, containing: moment) }
      try #require(
        [windows.daily, windows.weekly, windows.monthly] == expected, "seed \(numbers.seed)")
    }
  }

  /// Random moments of all supported years, and some within a day of a change of the offset.
  private static func moments(
    in zone: TimeZoneRules, using numbers: inout SeededNumbers
  ) -> [Moment] {
    let year = Int.random(in: 1970..<2100, using: &numbers)
    let nearChanges = zone.offsetChanges(inYears: year..<year + 3).map { change in
      change.advanced(
        byMicroseconds: .random(in: -86_400_000_000...86_400_000_000, using: &numbers))
    }
    let range = Moment.earliest.microseconds...Moment.latest.microseconds
    return nearChanges
      + (0..<4).map { _ in
        Moment(microseconds: .random(in: range, using: &numbers))
      }
  }

  /// Whether the moment's window is not empty, holds it, belongs to its date and meets its neighbours.
  private static func tiles(
    _ period: Period, around moment: Moment, in calendar: QuotaCalendar
  ) -> Bool {
    let window = calendar.window(period, containing: moment)
    let before = calendar.window(period, containing: window.start.advanced(byMicroseconds: -1))
    let last = calendar.window(period, containing: window.end.advanced(byMicroseconds: -1))
    let after = calendar.window(period, containing: window.end)
    return window.period == period && window.contains(moment)
      && window.contains(window.start) && !window.contains(window.end)
      && before.end == window.start && last == window && after.start == window.end
      && calendar.window(period, of: calendar.date(of: moment)) == window
  }
}
