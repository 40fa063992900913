/// How long a webhook waits after a delivery that failed.
enum Backoff {
  static let firstMilliseconds = 1000
  static let longestMilliseconds = 300_000
  /// What a receiver may ask for by `Retry-After`.
  static let longestAskedSeconds = 3600

  /// The wait before the next attempt: it doubles with each failure in a row, and lies between half of
  /// that and all of it, so that receivers of many senders are not all met again at the same moment. A
  /// receiver that asks for a longer wait gets it.
  static func milliseconds(
    afterFailures count: Int, askedSeconds: Int? = nil, random: UInt64
  ) -> Int {
    let doublings = min(max(count, 1) - 1, 20)
    let longest = min(firstMilliseconds << doublings, longestMilliseconds)
    let wait = longest / 2 + Int(random % UInt64(longest / 2 + 1))
    let asked = min(max(askedSeconds ?? 0, 0), longestAskedSeconds) * 1000
    return max(wait, asked)
  }

  /// `Retry-After` in seconds (RFC 9110, section 10.2.3); nil for a date or anything else. More than fits
  /// is as good as the longest.
  static func seconds(retryAfter text: String) -> Int? {
    guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
    return Int(text) ?? longestAskedSeconds
  }
}
