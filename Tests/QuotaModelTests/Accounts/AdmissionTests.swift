import QuotaModel
import TestSupport
import Testing

/// Contract chat-quota, section 7.
@Suite struct `An admission` {
  struct Example: Sendable {
    let limit: Int64
    let used: Int64
    let reserved: Int64
    let estimate: Int64?
    let isGranted: Bool

    init(_ limit: Int64, _ used: Int64, _ reserved: Int64, _ estimate: Int64?, _ isGranted: Bool) {
      (self.limit, self.used, self.reserved) = (limit, used, reserved)
      (self.estimate, self.isGranted) = (estimate, isGranted)
    }
  }

  @Test(arguments: [
    Example(100, 0, 0, nil, true), Example(100, 99, 0, nil, true),
    Example(100, 100, 0, nil, false), Example(100, 101, 0, nil, false),
    Example(100, 50, 50, nil, false), Example(100, 50, 49, nil, true),
    Example(100, 95, 0, 5, true), Example(100, 95, 0, 6, false), Example(100, 90, 5, 5, true),
    Example(100, 90, 5, 6, false), Example(100, 100, 0, 0, false), Example(100, 99, 0, 0, true),
    Example(0, 0, 0, nil, false), Example(0, 0, 0, 0, false),
    Example(-1, .max, .max, .max, true), Example(-1, 0, 0, nil, true),
    Example(9_007_199_254_740_991, .max, .max, .max, false),
    Example(9_007_199_254_740_991, 0, 0, 9_007_199_254_740_991, true),
    Example(9_007_199_254_740_991, 0, 0, 9_007_199_254_740_992, false),
  ]) func `is granted while there is room for the estimate, or for anything`(example: Example) {
    let limit = TokenLimit.of(example.limit)
    for period in Period.allCases {
      var limits = OwnLimits.none
      limits[period] = limit
      let account = Account(
        user: UserID(high: 1, low: 1), role: .user, ownLimits: limits,
        reserved: .of(example.reserved))
      let used = PerPeriod<TokenCount> { $0 == period ? TokenCount.of(example.used) : .maximum }
      let violation = Violation(
        period: period, limit: limit, used: .of(example.used), reserved: .of(example.reserved))
      #expect(
        account.decide(
          on: example.estimate.map(TokenCount.of), used: used,
          policy: Policy(limits: limits.effective(defaults: .unlimited)))
          == (example.isGranted ? .granted(shadowed: []) : .refused([violation])))
    }
  }

  @Test func `names every limit that leaves no room, the day first`() {
    let account = Account(
      user: UserID(high: 1, low: 1), role: .user,
      ownLimits: OwnLimits(daily: .of(5), weekly: nil, monthly: .of(7)), reserved: .of(1))
    let answer = account.decide(
      on: .of(3), used: PerPeriod(daily: .of(2), weekly: .of(3), monthly: .of(4)),
      policy: Policy(limits: Limits(daily: .of(5), weekly: .of(6), monthly: .of(7))))
    #expect(
      answer
        == .refused([
          Violation(period: .daily, limit: .of(5), used: .of(2), reserved: .of(1)),
          Violation(period: .weekly, limit: .of(6), used: .of(3), reserved: .of(1)),
          Violation(period: .monthly, limit: .of(7), used: .of(4), reserved: .of(1)),
        ]))
  }

  @Test func `never lets what is used and reserved pass a limit, when all is held first`() {
    var numbers = SeededNumbers()
    for _ in 0..<200 {
      let limit = Int64.random(in: 0...1000, using: &numbers)
      var account = Account(
        user: UserID(high: 1, low: 1), role: .user,
        ownLimits: OwnLimits(daily: .of(limit), weekly: nil, monthly: nil))
      var used: Int64 = 0
      for _ in 0..<50 {
        let estimate = Int64.random(in: 0...200, using: &numbers)
        let usage = PerPeriod(daily: TokenCount.of(used), weekly: .zero, monthly: .zero)
        let answer = account.decide(
          on: .of(estimate), used: usage,
          policy: Policy(limits: account.ownLimits.effective(defaults: .unlimited)))
        guard case .granted = answer else { continue }
        account.reserve(.of(estimate))
        if Bool.random(using: &numbers) {
          account.release(.of(estimate))
          used += Int64.random(in: 0...estimate, using: &numbers)
        }
        #expect(used + account.reserved.rawValue <= limit, "seed \(numbers.seed)")
      }
    }
  }
}
