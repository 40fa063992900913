import Foundation
import QuotaModel
import TestSupport
import Testing

/// Foundation's calendar as an oracle for settled years.
///
/// Zones where clocks went back across midnight or a date was skipped are left out: there its
/// intervals overlap, or miss the moment that was asked for.
@Suite struct `Foundation's calendar` {
  @Test(arguments: [
    "UTC", "Africa/Cairo", "America/Havana", "America/New_York", "America/Sao_Paulo",
    "Asia/Kathmandu", "Asia/Tokyo", "Australia/Lord_Howe", "Europe/Dublin", "Europe/Tallinn",
    "Pacific/Chatham",
  ])
  func `has the same days, weeks and months`(name: String) throws {
    var numbers = SeededNumbers()
    let zone = ZoneDatabase.rules(name)
    for moment in Self.moments(in: zone, using: &numbers) {
      let weekStart = try #require(Weekday.allCases.randomElement(using: &numbers))
      let calendar = QuotaCalendar(zone: zone, weekStart: weekStart)
      for period in Period.allCases {
        let interval = try #require(Self.interval(period, containing: moment, in: calendar))
        let window = calendar.window(period, containing: moment)
        try #require(
          window.start.foundationDate == interval.start
            && window.end.foundationDate == interval.end,
          "\(period), \(moment.rfc3339), \(weekStart), seed \(numbers.seed)")
      }
    }
  }

  private static func moments(
    in zone: TimeZoneRules, using numbers: inout SeededNumbers
  ) -> [Moment] {
    let range = Moment.startOfYear(1971).microseconds...Moment.startOfYear(2024).microseconds
    let nearChanges = zone.offsetChanges(inYears: 1971..<2024).flatMap { change in
      [-86_400, -1, 0, 86_400].map { change.advanced(bySeconds: $0) }
    }
    return nearChanges
      + (0..<400).map { _ in
        Moment(microseconds: .random(in: range, using: &numbers))
      }
  }

  private static func interval(
    _ period: Period, containing moment: Moment, in calendar: QuotaCalendar
  ) -> DateInterval? {
    guard let zone = TimeZone(identifier: calendar.zone.name) else { return nil }
    var oracle = Calendar(identifier: .gregorian)
    oracle.timeZone = zone
    // Foundation counts weekdays from Sunday = 1.
    oracle.firstWeekday = Int(calendar.weekStart.rawValue) % 7 + 1
    let component: Calendar.Component =
      switch period {
      case .daily: .day
      case .weekly: .weekOfYear
      case .monthly: .month
      case .yearly: .year
      }
    return oracle.dateInterval(of: component, for: moment.foundationDate)
  }
}
