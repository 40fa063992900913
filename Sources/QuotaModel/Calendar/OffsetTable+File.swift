extension OffsetTable {
  /// The table of a file: its transitions, and then 400 years by its footer.
  ///
  /// The last transition's offset holds until the footer's next change. RFC 9636 wants both to
  /// agree; files in use differ in which change they count from (America/Ojinaga 2022, written
  /// slim), but the offset must at least be one of the footer's: else one of them is damaged, and a
  /// guess would move the edges of windows.
  init(_ file: TimeZoneFile) throws(TimeZoneFormatError) {
    self.init(offset: file.firstOffset)
    for transition in file.transitions {
      append(offset: transition.offset, from: transition.second)
    }
    guard let footer = file.footer else { return }
    if let last = file.transitions.last {
      guard footer.offsets.contains(last.offset) else { throw .contradictingFooter }
      appendCycle(of: footer, after: max(last.second, Self.firstRuleSecond))
    } else {
      self.init(offset: footer.standardOffset)
      appendCycle(of: footer, after: Self.firstRuleSecond)
    }
  }

  /// The years that a footer rules, from the first one on up to a year after the first cycle.
  private mutating func appendCycle(of footer: PosixTimeZone, after second: Int64) {
    guard footer.daylight != nil else { return }
    let firstYear = DayNumber(ofLocalSecond: second).components.year
    // Both years around the start belong to the footer alone. It is the same year for files that
    // end their transitions at different times, so that their tables are the same as well.
    let cycleYear = max(firstYear + 2, Self.usualCycleYear)
    for transition in footer.transitions(inYears: firstYear - 1...cycleYear + 401)
    where transition.second > second {
      append(offset: transition.offset, from: transition.second)
    }
    repeatEvery400Years(from: DayNumber(year: cycleYear, month: 1, day: 1).midnight)
  }

  /// Later than the last transition of any zone; the longest list, of Ramadans, ends in 2087.
  private static let usualCycleYear: Int64 = 2100

  /// 1968-01-01T00:00:00Z, well before the first supported moment.
  ///
  /// A last transition may lie billions of years back; the rule's changes until here do not matter.
  private static let firstRuleSecond = DayNumber(year: 1968, month: 1, day: 1).midnight
}
