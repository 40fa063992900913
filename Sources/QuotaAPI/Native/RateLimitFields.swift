internal import EventJSON
internal import QuotaModel

/// The fields that tell where an account stands, with the part that seldom changes kept.
struct RateLimitFields {
  private var latest: (policy: Policy, windows: PerPeriod<Window>, text: String)?

  /// `RateLimit-Policy` and `RateLimit` by draft-ietf-httpapi-ratelimit-headers-10: one policy for each
  /// limit that has a bound. The unit is tokens, not requests.
  mutating func fields(
    of standing: Standing, at moment: Moment
  ) -> [(name: String, value: String)] {
    let bounded = Period.allCases.filter { !standing.policy.limits[$0].isUnlimited }
    if bounded.isEmpty { return [] }
    if latest?.policy != standing.policy || latest?.windows != standing.windows {
      latest = (standing.policy, standing.windows, standing.policyField(bounded))
    }
    return [
      (name: "RateLimit-Policy", value: latest?.text ?? ""),
      (name: "RateLimit", value: standing.stateField(bounded, at: moment)),
    ]
  }
}

extension Standing {
  fileprivate func policyField(_ bounded: [Period]) -> String {
    bounded.map { period in
      let seconds =
        (windows[period].end.microseconds - windows[period].start.microseconds) / 1_000_000
      return "\"\(period.name)\";q=\(quota(period));qu=\"tokens\";w=\(seconds)"
    }.joined(separator: ", ")
  }

  /// Every admission carries it, and no two the same, so that it is put together from bytes.
  fileprivate func stateField(_ bounded: [Period], at moment: Moment) -> String {
    var states: [UInt8] = []
    states.reserveCapacity(96)
    for period in bounded {
      let left = max(0, windows[period].end.microseconds - moment.microseconds)
      states.append(policyNamed: period)
      states.append(parameter: ";r=", remaining(period))
      states.append(parameter: ";t=", (left + 999_999) / 1_000_000)
    }
    return String(decoding: states, as: UTF8.self)
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
    append(contentsOf: period.name.utf8)
    append(UInt8(ascii: "\""))
  }

  fileprivate mutating func append(parameter name: StaticString, _ value: Int64) {
    name.withUTF8Buffer { unsafe append(contentsOf: $0) }
    append(contentsOf: String(value).utf8)
  }
}
