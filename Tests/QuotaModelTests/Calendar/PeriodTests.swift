import QuotaModel
import Testing

@Suite struct `A period` {
  @Test func `keeps its number in records`() {
    #expect(Period.allCases.map(\.rawValue) == [0, 1, 2])
    #expect(Period.allCases == [.daily, .weekly, .monthly])
  }
}
