/// The calendar that quotas are counted in: a time zone and the day that weeks start on.
///
/// A day starts at the first moment of its local date, so it follows every change of the clock:
/// where midnight does not exist it starts later, where midnight exists twice it starts at the
/// earlier one. A week, a month and a year start where their first day starts. The windows of one period
/// follow one another without a gap, none overlaps another and none is empty. Two rare things
/// follow:
///
/// - Where clocks go back across midnight, the repeated end of the old date lies after the first
///   moment of the new one, and belongs to the new one.
/// - A date that a zone skipped (Pacific/Apia 2011-12-30) has no window: the day before it ends
///   where the day after it starts. A week or month that such a date opens starts at the next date.
public struct QuotaCalendar: Hashable, Sendable {
  public let zone: TimeZoneRules
  public let weekStart: Weekday

  public init(zone: TimeZoneRules, weekStart: Weekday = .monday) {
    self.zone = zone
    self.weekStart = weekStart
  }

  /// UTC with weeks that start on Monday.
  public static let utc = QuotaCalendar(zone: .utc)

  /// The window that a moment belongs to; it costs two or three searches in the zone's table.
  public func window(_ period: Period, containing moment: Moment) -> Window {
    window(period, of: zone.day(at: moment.seconds))
  }

  /// The window that a date belongs to; for the day of a skipped date, the day after it.
  public func window(_ period: Period, of date: CalendarDate) -> Window {
    window(period, of: date.number)
  }

  /// The counted windows whose usage a window's is the sum of: itself, or the months of a year.
  public func countedParts(of window: Window) -> [CountedWindow] {
    if let counted = window.period.counted {
      return [CountedWindow(period: counted, start: window.start)]
    }
    var months: [CountedWindow] = []
    var start = window.start
    while start < window.end {
      months.append(CountedWindow(period: .monthly, start: start))
      start = self.window(.monthly, containing: start).end
    }
    return months
  }

  /// The date that a moment is counted on.
  ///
  /// It is the date that clocks show, except after they went back across midnight: then the new
  /// date stays.
  public func date(of moment: Moment) -> CalendarDate {
    CalendarDate(zone.day(at: moment.seconds))
  }

  /// The weekday of the date that a moment is counted on.
  public func weekday(of moment: Moment) -> Weekday { zone.day(at: moment.seconds).weekday }

  func window(_ period: Period, of day: DayNumber) -> Window {
    let first = firstDay(of: period, with: day)
    let start = zone.start(of: first)
    var next = dayAfter(period, startingOn: first)
    var end = zone.start(of: next)
    // A skipped date starts and ends at one moment; no week or month is skipped as a whole.
    while end <= start {
      next.value += 1
      end = zone.start(of: next)
    }
    return Window(
      period: period, start: Moment(clampingSeconds: start), end: Moment(clampingSeconds: end))
  }

  private func firstDay(of period: Period, with day: DayNumber) -> DayNumber {
    switch period {
    case .daily: return day
    case .weekly: return day.backed(to: weekStart)
    case .monthly: return DayNumber(day.value - day.components.day + 1)
    case .yearly: return DayNumber(year: day.components.year, month: 1, day: 1)
    }
  }

  /// The first day of the next period.
  private func dayAfter(_ period: Period, startingOn first: DayNumber) -> DayNumber {
    switch period {
    case .daily: return DayNumber(first.value + 1)
    case .weekly: return DayNumber(first.value + 7)
    case .monthly:
      let (year, month, _) = first.components
      return DayNumber(year: year, month: month + 1, day: 1)
    case .yearly: return DayNumber(year: first.components.year + 1, month: 1, day: 1)
    }
  }
}
