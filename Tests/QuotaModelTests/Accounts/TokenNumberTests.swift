import QuotaModel
import TestSupport
import Testing

@Suite struct `A token count` {
  @Test(arguments: [(0, 0), (1, 1), (.max, .max), (-1, nil), (.min, nil)] as [(Int64, Int64?)])
  func `is never negative`(number: Int64, expected: Int64?) {
    #expect(TokenCount(number)?.rawValue == expected)
  }

  @Test(
    arguments: [(0, 0, 0), (1, 2, 3), (.max, 0, .max), (.max, 1, nil), (.max, .max, nil)]
      as [(Int64, Int64, Int64?)])
  func `has a sum where it fits`(left: Int64, right: Int64, sum: Int64?) {
    #expect(TokenCount.of(left).adding(.of(right))?.rawValue == sum)
    #expect(TokenCount.of(right).adding(.of(left))?.rawValue == sum)
  }

  @Test(
    arguments: [(3, 2, 1), (3, 3, 0), (2, 3, 0), (0, .max, 0), (.max, 1, .max - 1)]
      as [(Int64, Int64, Int64)])
  func `is not taken below zero`(left: Int64, right: Int64, difference: Int64) {
    #expect(TokenCount.of(left).subtractingClamped(.of(right)).rawValue == difference)
  }

  @Test func `sorts and reads as a number`() {
    #expect(
      [TokenCount.of(10), .zero, .maximum, .of(9)].sorted().map(\.description)
        == ["0", "9", "10", "9223372036854775807"])
  }
}

@Suite struct `A token limit` {
  @Test(arguments: [-1, 0, 1, 9_007_199_254_740_991] as [Int64]) func `is a number JavaScript has`(
    number: Int64
  ) {
    #expect(TokenLimit(number)?.rawValue == number)
  }

  @Test(arguments: [-2, .min, 9_007_199_254_740_992, .max] as [Int64]) func `is nothing else`(
    number: Int64
  ) {
    #expect(TokenLimit(number) == nil)
  }

  @Test func `without a bound is minus one`() {
    #expect(TokenLimit.of(-1) == .unlimited)
    #expect(TokenLimit.unlimited.isUnlimited)
    #expect(!TokenLimit.of(0).isUnlimited)
    #expect(
      [TokenLimit.unlimited, .of(0), .of(12)].map(\.description) == ["unlimited", "0", "12"])
  }

  @Test(
    arguments: [(100, 0, 100), (100, 99, 1), (100, 101, 0), (0, 0, 0), (-1, 5, nil)]
      as [(Int64, Int64, Int64?)])
  func `leaves what is not used, and never less than nothing`(
    limit: Int64, used: Int64, remaining: Int64?
  ) {
    #expect(TokenLimit.of(limit).remaining(after: .of(used))?.rawValue == remaining)
  }
}

@Suite struct `The limits of an account` {
  private let defaults = Limits(daily: .of(10), weekly: .unlimited, monthly: .of(30))

  @Test func `are its own where it has them, and the defaults else`() {
    let own = OwnLimits(daily: nil, weekly: .of(0), monthly: .unlimited)
    #expect(
      own.effective(defaults: defaults)
        == Limits(daily: .of(10), weekly: .of(0), monthly: .unlimited))
    #expect(OwnLimits.none.effective(defaults: defaults) == defaults)
  }

  @Test func `lead to others by one change for each period that differs`() {
    let values: [TokenLimit?] = [nil, .unlimited, .of(0), .of(7)]
    for old in Self.combinations(of: values) {
      for new in Self.combinations(of: values) {
        let changes = old.changes(to: new)
        #expect(changes.map(\.period) == Period.allCases.filter { old[$0] != new[$0] })
        #expect(changes.allSatisfy { $0.old == old[$0.period] && $0.new == new[$0.period] })
        var account = Account(user: UserID(high: 1, low: 1), role: .user, ownLimits: old)
        account.apply(changes)
        #expect(account.ownLimits == new)
      }
    }
  }

  private static func combinations(of values: [TokenLimit?]) -> [OwnLimits] {
    values.flatMap { daily in
      values.map { weekly in OwnLimits(daily: daily, weekly: weekly, monthly: daily) }
    }
  }
}
