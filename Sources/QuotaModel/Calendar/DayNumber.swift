/// A calendar day as days since 1970-01-01, in the proleptic Gregorian calendar.
///
/// Years are counted from March here, so that the leap day is the last day of a year and the days
/// before each month follow one formula.
struct DayNumber: Hashable, Sendable {
  var value: Int64

  static let seconds: Int64 = 86_400

  /// After 400 years the Gregorian calendar repeats, weekdays included.
  static let daysPerCycle: Int64 = 146_097

  init(_ value: Int64) {
    self.value = value
  }

  /// The day that a count of local seconds since 1970-01-01T00:00:00 falls on.
  init(ofLocalSecond second: Int64) {
    value = second.flooringQuotient(by: Self.seconds)
  }

  /// The day of a date; a month of 13 or more reaches into the next years.
  init(year: Int64, month: Int64, day: Int64) {
    let monthsSinceMarch = year * 12 + month - 3
    let marchYear = monthsSinceMarch.flooringQuotient(by: 12)
    let marchMonth = monthsSinceMarch.flooringRemainder(by: 12)
    value =
      Self.days(beforeMarchYear: marchYear) + Self.days(beforeMarchMonth: marchMonth) + day - 1
      - Self.daysFromMarchOfYearZeroToEpoch
  }

  /// The local second at which the day would begin if every local second existed.
  var midnight: Int64 { value * Self.seconds }

  /// 1970-01-01 was a Thursday.
  var weekday: Weekday {
    Weekday.allCases[Int((value + 3).flooringRemainder(by: 7))]
  }

  /// The nearest day, this one or an earlier one, that has the weekday.
  func backed(to weekday: Weekday) -> DayNumber {
    let daysSince = Int64(self.weekday.rawValue) - Int64(weekday.rawValue)
    return DayNumber(value - daysSince.flooringRemainder(by: 7))
  }

  /// Year, month 1...12 and day 1...31.
  var components: (year: Int64, month: Int64, day: Int64) {
    let sinceMarchOfYearZero = value + Self.daysFromMarchOfYearZeroToEpoch
    var year = (sinceMarchOfYearZero * 400).flooringQuotient(by: Self.daysPerCycle)
    // The mean length of a year puts the estimate at most one year off at a year's edge.
    if Self.days(beforeMarchYear: year + 1) <= sinceMarchOfYearZero { year += 1 }
    if Self.days(beforeMarchYear: year) > sinceMarchOfYearZero { year -= 1 }
    let dayOfYear = sinceMarchOfYearZero - Self.days(beforeMarchYear: year)
    let month = (dayOfYear * 5 + 2) / 153
    return (
      year: month < 10 ? year : year + 1,
      month: month < 10 ? month + 3 : month - 9,
      day: dayOfYear - Self.days(beforeMarchMonth: month) + 1
    )
  }

  private static let daysFromMarchOfYearZeroToEpoch: Int64 = 719_468

  private static func days(beforeMarchYear year: Int64) -> Int64 {
    year * 365 + year.flooringQuotient(by: 4) - year.flooringQuotient(by: 100)
      + year.flooringQuotient(by: 400)
  }

  /// From March on the months have 31, 30, 31, 30, 31 days, again and again: 153 days in five.
  private static func days(beforeMarchMonth month: Int64) -> Int64 {
    (month * 153 + 2) / 5
  }
}
