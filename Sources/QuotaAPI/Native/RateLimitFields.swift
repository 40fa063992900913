internal import QuotaModel

extension Standing {
  /// `RateLimit-Policy` and `RateLimit` by draft-ietf-httpapi-ratelimit-headers-10: one policy for each
  /// limit that has a bound. The unit is tokens, not requests.
  func rateLimitFields(at moment: Moment) -> [(name: String, value: String)] {
    let bounded = Period.allCases.filter { !policy.limits[$0].isUnlimited }
    if bounded.isEmpty { return [] }
    // Every admission carries them, so that they are put together from bytes.
    var policies: [UInt8] = []
    var states: [UInt8] = []
    policies.reserveCapacity(128)
    states.reserveCapacity(96)
    for period in bounded {
      let window = windows[period]
      let left = max(0, window.end.microseconds - moment.microseconds)
      policies.append(policyNamed: period)
      policies.append(parameter: ";q=", quota(period))
      policies.append(contentsOf: ";qu=\"tokens\"".utf8)
      policies.append(
        parameter: ";w=", (window.end.microseconds - window.start.microseconds) / 1_000_000)
      states.append(policyNamed: period)
      states.append(parameter: ";r=", remaining(period))
      states.append(parameter: ";t=", (left + 999_999) / 1_000_000)
    }
    return [
      (name: "RateLimit-Policy", value: String(decoding: policies, as: UTF8.self)),
      (name: "RateLimit", value: String(decoding: states, as: UTF8.self)),
    ]
  }

  /// Structured fields (RFC 9651) hold integers of 15 digits at most.
  private static let maximumInteger: Int64 = 999_999_999_999_999

  private func quota(_ period: Period) -> Int64 {
    min(policy.limits[period].rawValue, Self.maximumInteger)
  }

  /// What is left, and not held for others.
  private func remaining(_ period: Period) -> Int64 {
    let rest = policy.limits[period].remaining(after: used[period].addingClamped(reserved)) ?? .zero
    return min(rest.rawValue, Self.maximumInteger)
  }
}

extension [UInt8] {
  /// Begins the next item of a list of policies.
  fileprivate mutating func append(policyNamed period: Period) {
    append(contentsOf: (isEmpty ? "\"" : ", \"").utf8)
    append(contentsOf: period.name.description.utf8)
    append(UInt8(ascii: "\""))
  }

  fileprivate mutating func append(parameter name: StaticString, _ value: Int64) {
    name.withUTF8Buffer { unsafe append(contentsOf: $0) }
    append(contentsOf: String(value).utf8)
  }
}
