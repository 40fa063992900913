import QuotaModel
import TestSupport
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
              calendar.tiles(period, around: moment),
              "\(zone.name), \(weekStart), \(period), \(moment.rfc3339), seed \(numbers.seed)")
          }
        }
      }
    }
  }

  @Test func `tile time even where clocks change by any amount every few hours`() throws {
    var numbers = SeededNumbers()
    for _ in 0..<100 {
      var sketch = TimeZoneFileSketch(
        offsets: (0..<8).map { _ in .random(in: -89_999...93_599, using: &numbers) })
      var second: Int64 = 1_000_000_000
      for _ in 0..<50 {
        second += .random(in: 600...100_000, using: &numbers)
        sketch.transitions.append((second, .random(in: 0..<8, using: &numbers)))
      }
      let calendar = QuotaCalendar(zone: try sketch.rules, weekStart: .wednesday)
      for _ in 0..<50 {
        let range = (999_800_000 * 1_000_000)...(second + 200_000) * 1_000_000
        let moment = Moment(microseconds: .random(in: range, using: &numbers))
        for period in Period.allCases {
          try #require(
            calendar.tiles(period, around: moment),
            "\(period), \(moment.rfc3339), seed \(numbers.seed)")
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

  /// Random moments of all supported years, and some at and around changes of the offset.
  private static func moments(
    in zone: TimeZoneRules, using numbers: inout SeededNumbers
  ) -> [Moment] {
    let year = Int.random(in: 1970..<2100, using: &numbers)
    let day: Int64 = 86_400_000_000
    let nearChanges = zone.offsetChanges(inYears: year..<year + 6).flatMap { change in
      [0, -1, Int64.random(in: -day...day, using: &numbers)].map(change.advanced(byMicroseconds:))
    }
    let range = Moment.earliest.microseconds...Moment.latest.microseconds
    let anywhere = (0..<6).map { _ in
      Moment(microseconds: .random(in: range, using: &numbers))
    }
    return nearChanges + anywhere
  }
}
