import Foundation
import QuotaModel
import Testing

@Suite struct `Foundation's calendar` {
  @Test(arguments: [
    "UTC", "Africa/Cairo", "America/Havana", "America/New_York", "America/Sao_Paulo",
    "America/St_Johns", "Asia/Kathmandu", "Australia/Lord_Howe", "Europe/Tallinn", "Pacific/Apia",
    "Pacific/Chatham", "Pacific/Kwajalein"
  ])
  func `has the same days, weeks and months`(name: String) throws {
    var numbers = SeededNumbers()
    let zone = ZoneDatabase.rules(name)
    let range = Moment.startOfYear(1971).microseconds...Moment.startOfYear(2024).microseconds
    var moments = (0..<400).map { _ in
      Moment(microseconds: .random(in: range, using: &numbers))
    }
    moments += zone.offsetChanges(inYears: 1971..<2024).flatMap { change in
      [-86_400, -1, 0, 86_400].map { change.advanced(bySeconds: $0) }
    }
    var bad = 0
    for moment in moments {
      let weekStart = try #require(Weekday.allCases.randomElement(using: &numbers))
      let calendar = QuotaCalendar(zone: zone, weekStart: weekStart)
      for period in Period.allCases {
        let window = calendar.window(period, containing: moment)
        let w = Self.window(period, containing: moment, in: calendar)
        if w?.0 != window.start || w?.1 != window.end { bad += 1; if bad < 6 { print("CAL", name, period, moment.rfc3339, calendar.text(of:window.start), calendar.text(of:window.end), calendar.text(of:w!.0), calendar.text(of:w!.1)) } }
      }
    }
    if bad > 0 { print("CALBAD", name, bad, moments.count) }
  }

  private static func window(
    _ period: Period, containing moment: Moment, in calendar: QuotaCalendar
  ) -> (Moment, Moment)? {
    var oracle = Calendar(identifier: .gregorian)
    guard let zone = TimeZone(identifier: calendar.zone.name) else { return nil }
    oracle.timeZone = zone
    // Foundation counts weekdays from Sunday = 1.
    oracle.firstWeekday = Int(calendar.weekStart.rawValue) % 7 + 1
    let component: Calendar.Component =
      switch period {
      case .daily: .day
      case .weekly: .weekOfYear
      case .monthly: .month
      }
    guard let i = oracle.dateInterval(of: component, for: moment.foundationDate) else { return nil }
    return (Moment(microseconds: Int64(i.start.timeIntervalSince1970) * 1_000_000), Moment(microseconds: Int64(i.end.timeIntervalSince1970) * 1_000_000))
  }
}
