import QuotaModel
import Testing

@Suite struct `A period` {
  @Test func `keeps its number in records`() {
    #expect(Period.allCases.map(\.rawValue) == [0, 1, 2, 3])
    #expect(Period.allCases == [.daily, .weekly, .monthly, .yearly])
    #expect(CountedPeriod.allCases.map(\.rawValue) == [0, 1, 2])
    #expect(CountedPeriod.allCases.allSatisfy { $0.period.rawValue == $0.rawValue })
  }
}
