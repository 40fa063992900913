/// The rule in the footer of a TZif file: a POSIX TZ string such as `EET-2EEST,M3.5.0/3,M10.5.0/4`.
struct PosixTimeZone: Hashable, Sendable {
  /// Standard time, in seconds east of UTC.
  let standardOffset: Int64
  let daylight: DaylightSaving?

  /// Daylight saving time of every year: its offset, when it starts and when it ends.
  struct DaylightSaving: Hashable, Sendable {
    let offset: Int64
    /// In standard time.
    let start: YearlyTime
    /// In daylight saving time.
    let end: YearlyTime
  }

  /// A local time that comes once a year.
  struct YearlyTime: Hashable, Sendable {
    let day: YearlyDay
    /// Seconds since the day's midnight, of other days too: up to 167 hours before or after it.
    let seconds: Int64
  }

  /// The three ways to name a day of every year.
  enum YearlyDay: Hashable, Sendable {
    /// `Jn`: day 1...365, where February 29 is never counted.
    case withoutLeapDay(Int64)
    /// `n`: day 0...365, where February 29 is counted.
    case withLeapDay(Int64)
    /// `Mm.w.d`: the weekday's first to fourth time in the month, or its last one for week 5.
    case weekday(Weekday, week: Int64, month: Int64)
  }
}

extension PosixTimeZone {
  /// The offsets that the rule knows.
  var offsets: [Int64] { [standardOffset] + (daylight.map { [$0.offset] } ?? []) }

  /// The changes of offset that start in the years, in ascending order.
  func transitions(inYears years: ClosedRange<Int64>) -> [TimeZoneFile.Transition] {
    guard let daylight else { return [] }
    var transitions: [TimeZoneFile.Transition] = []
    for year in years {
      let start = daylight.start.localSecond(inYear: year) - standardOffset
      let end = daylight.end.localSecond(inYear: year) - daylight.offset
      transitions.append(.init(second: start, offset: daylight.offset))
      transitions.append(.init(second: end, offset: standardOffset))
    }
    // Daylight saving time all year ends and starts again at one second: then the start counts.
    transitions.sort { left, right in
      (left.second, left.offset == daylight.offset ? 1 : 0)
        < (right.second, right.offset == daylight.offset ? 1 : 0)
    }
    return transitions
  }
}

extension PosixTimeZone.YearlyTime {
  fileprivate func localSecond(inYear year: Int64) -> Int64 {
    day.number(inYear: year).midnight + seconds
  }
}

extension PosixTimeZone.YearlyDay {
  fileprivate func number(inYear year: Int64) -> DayNumber {
    switch self {
    case .withoutLeapDay(let day):
      // The days from March on are counted back from the end of the year.
      let newYear = DayNumber(year: day <= 59 ? year : year + 1, month: 1, day: 1)
      return DayNumber(newYear.value + (day <= 59 ? day - 1 : day - 366))
    case .withLeapDay(let day):
      return DayNumber(DayNumber(year: year, month: 1, day: 1).value + day)
    case .weekday(let weekday, let week, let month):
      // The nth such weekday lies within the first 7n days; the last one within the month.
      let monthAfter = DayNumber(year: year, month: month + 1, day: 1)
      let latest =
        week == 5
        ? DayNumber(monthAfter.value - 1)
        : DayNumber(year: year, month: month, day: 7 * week)
      return latest.backed(to: weekday)
    }
  }
}
