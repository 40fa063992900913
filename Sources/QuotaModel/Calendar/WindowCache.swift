/// Remembers the windows of the last moment, because the next one mostly lies in the same day.
///
/// A hit costs a few comparisons; a miss computes only the windows that the moment has left.
public struct WindowCache: Sendable {
  private var windows = PerPeriod<Window> {
    Window(period: $0, start: .earliest, end: .earliest)
  }
  private var zoneDigest: UInt64 = 0
  private var weekStart = Weekday.monday

  public init() {}

  /// The windows that a moment belongs to; another calendar than last time is noticed.
  public mutating func windows(
    containing moment: Moment, in calendar: QuotaCalendar
  ) -> PerPeriod<Window> {
    // A day lies within one week, one month and one year, so it speaks for all.
    if !(windows.daily.contains(moment) && belongs(to: calendar)) {
      refill(for: moment, in: calendar)
    }
    return windows
  }

  private func belongs(to calendar: QuotaCalendar) -> Bool {
    zoneDigest == calendar.zone.digest && weekStart == calendar.weekStart
  }

  private mutating func refill(for moment: Moment, in calendar: QuotaCalendar) {
    let isSameCalendar = belongs(to: calendar)
    let day = calendar.zone.day(at: moment.seconds)
    for period in Period.allCases where !(isSameCalendar && windows[period].contains(moment)) {
      windows[period] = calendar.window(period, of: day)
    }
    zoneDigest = calendar.zone.digest
    weekStart = calendar.weekStart
  }
}
