import TestSupport
import Testing

@testable import Webhooks

@Suite struct `The wait after failures` {
  /// Failures in a row, and the bounds of the wait in milliseconds.
  static let bounds = [
    (1, 500...1000), (2, 1000...2000), (3, 2000...4000), (8, 64_000...128_000),
    (9, 128_000...256_000), (10, 150_000...300_000), (1_000_000, 150_000...300_000),
  ]

  @Test(arguments: bounds)
  func `doubles up to five minutes`(failures: Int, bounds: ClosedRange<Int>) {
    var numbers = SeededNumbers()
    for _ in 0..<1000 {
      let wait = Backoff.milliseconds(afterFailures: failures, random: numbers.next())
      #expect(bounds.contains(wait), "seed \(numbers.seed)")
    }
    #expect(Backoff.milliseconds(afterFailures: failures, random: 0) == bounds.lowerBound)
  }

  @Test func `differs between senders`() {
    var numbers = SeededNumbers()
    let waits = Set(
      (0..<100).map { _ in Backoff.milliseconds(afterFailures: 10, random: numbers.next()) })
    #expect(waits.count > 90, "seed \(numbers.seed)")
  }

  @Test(arguments: [(0, 1, 500), (2, 1, 2000), (3600, 1, 3_600_000), (.max, 1, 3_600_000)])
  func `is as long as the receiver asks, up to an hour`(asked: Int, failures: Int, wait: Int) {
    #expect(
      Backoff.milliseconds(afterFailures: failures, askedSeconds: asked, random: 0) == wait)
  }

  @Test func `is not shortened by what the receiver asks`() {
    #expect(Backoff.milliseconds(afterFailures: 10, askedSeconds: 1, random: 0) == 150_000)
  }

  @Test(arguments: [
    ("0", 0), ("120", 120), ("99999999999999999999", 3600), ("", nil), ("-1", nil), ("+1", nil),
    ("1.5", nil), ("Fri, 31 Dec 1999 23:59:59 GMT", nil),
  ])
  func `reads Retry-After in seconds`(text: String, seconds: Int?) {
    #expect(Backoff.seconds(retryAfter: text) == seconds)
  }
}
