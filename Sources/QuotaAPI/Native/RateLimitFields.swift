internal import QuotaModel

extension Standing {
  /// `RateLimit-Policy` and `RateLimit` by draft-ietf-httpapi-ratelimit-headers-10: one policy for each
  /// limit that has a bound. The unit is tokens, not requests.
  func rateLimitFields(at moment: Moment) -> [(name: String, value: String)] {
    let bounded = Period.allCases.filter { !policy.limits[$0].isUnlimited }
    if bounded.isEmpty { return [] }
    let policies = bounded.map { period in
      let seconds =
        (windows[period].end.microseconds - windows[period].start.microseconds) / 1_000_000
      return "\"\(period.name)\";q=\(quota(period));qu=\"tokens\";w=\(seconds)"
    }
    let states = bounded.map { period in
      let left = max(0, windows[period].end.microseconds - moment.microseconds)
      return "\"\(period.name)\";r=\(remaining(period));t=\((left + 999_999) / 1_000_000)"
    }
    return [
      (name: "RateLimit-Policy", value: policies.joined(separator: ", ")),
      (name: "RateLimit", value: states.joined(separator: ", ")),
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
