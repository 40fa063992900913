import QuotaModel
import Testing

@Suite struct `A weekday` {
  @Test(arguments: Weekday.allCases)
  func `is known by its English name in any letter case`(weekday: Weekday) {
    #expect(Weekday(name: weekday.name) == weekday)
    #expect(Weekday(name: weekday.name.uppercased()) == weekday)
  }

  @Test(arguments: ["", "mon", "montag", " monday", "1"])
  func `has no other name`(name: String) {
    #expect(Weekday(name: name) == nil)
  }

  @Test func `is numbered as in ISO 8601`() {
    #expect(Weekday.allCases.map(\.rawValue) == [1, 2, 3, 4, 5, 6, 7])
    #expect(Weekday.monday.rawValue == 1)
    #expect(Weekday.sunday.rawValue == 7)
  }
}
