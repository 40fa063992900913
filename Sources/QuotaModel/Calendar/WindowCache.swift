/// Remembers the windows of the last moment, because the next one mostly lies in the same day.
///
/// A hit costs a few comparisons; a miss computes only the windows that the moment has left.
public struct WindowCache: Sendable {
  private var daily = Self.empty(.daily)
  private var weekly = Self.empty(.weekly)
  private var monthly = Self.empty(.monthly)
  private var zoneDigest: UInt64 = 0
  private var weekStart = Weekday.monday

  public init() {}

  /// The windows that a moment belongs to; another calendar than last time is noticed.
  public mutating func windows(
    containing moment: Moment, in calendar: QuotaCalendar
  ) -> (daily: Window, weekly: Window, monthly: Window) {
    // A day lies within one week and one month, so it speaks for all three.
    if !(daily.contains(moment) && belongs(to: calendar)) {
      refill(for: moment, in: calendar)
    }
    return (daily, weekly, monthly)
  }

  private func belongs(to calendar: QuotaCalendar) -> Bool {
    zoneDigest == calendar.zone.digest && weekStart == calendar.weekStart
  }

  private mutating func refill(for moment: Moment, in calendar: QuotaCalendar) {
    let isSameCalendar = belongs(to: calendar)
    let day = calendar.zone.day(at: moment.seconds)
    daily = calendar.window(.daily, of: day)
    if !(isSameCalendar && weekly.contains(moment)) {
      weekly = calendar.window(.weekly, of: day)
    }
    if !(isSameCalendar && monthly.contains(moment)) {
      monthly = calendar.window(.monthly, of: day)
    }
    zoneDigest = calendar.zone.digest
    weekStart = calendar.weekStart
  }

  private static func empty(_ period: Period) -> Window {
    Window(period: period, start: .earliest, end: .earliest)
  }
}
