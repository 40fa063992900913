internal import EventJSON
internal import HTTPServer
internal import JSON
internal import QuotaModel
internal import QuotaService

extension HTTPResponse {
  /// A refusal with the status and text of upstream, so that a gateway can pass it on unchanged, and
  /// with everything that decided it (contract chat-quota, section 7).
  static func refusal(
    _ refusal: Refusal, _ receipt: Receipt, _ headers: [(name: String, value: String)]
  ) -> HTTPResponse {
    .json(409, headers: headers, type: "application/problem+json") { json in
      json.beginObject()
      json.member("type", "https://iana.org/assignments/http-problem-types#quota-exceeded")
      json.member("title", "Quota exceeded")
      json.member("status", 409)
      json.member("code", "quota_exceeded")
      json.member("detail", refusal.text)
      json.member("allowed", false)
      json.member("user", refusal.user.description)
      json.member("estimate", optional: refusal.estimate?.rawValue)
      json.violatedPolicies(refusal)
      json.objects("violations", refusal.violations)
      if let credits = refusal.credits { json.member("estimate_nano_aiu", credits.rawValue) }
      if !refusal.creditViolations.isEmpty {
        json.objects("credit_violations", refusal.creditViolations)
      }
      if let policy = refusal.policy { json.member("policy", policy) }
      json.member("position", receipt.position)
      json.member("replayed", receipt.isReplayed)
      json.endObject()
    }
  }

  static func held(
    _ held: HoldReceipt, _ headers: [(name: String, value: String)]
  ) -> HTTPResponse {
    .json(held.receipt.isReplayed ? 200 : 201, headers: headers) { json in
      json.beginObject()
      json.member("hold", held.hold.description)
      json.member("tokens", held.tokens.rawValue)
      if held.credits > .zero { json.member("nano_aiu", held.credits.rawValue) }
      json.member("expires_at", held.expiresAt)
      json.member("position", held.receipt.position)
      json.member("replayed", held.receipt.isReplayed)
      json.endObject()
    }
  }

  static func ended(_ hold: HoldID, _ answer: Answer) -> HTTPResponse {
    .json(200) { json in
      json.beginObject()
      json.member("hold", hold.description)
      switch answer {
      case .settled(let settled):
        json.member("overage", settled.settlement.overage.rawValue)
        json.member("late", settled.settlement.isLate)
        if let rest = settled.rest { json.member("held", rest.rawValue) }
        json.receipt(settled.receipt)
      case .extended(let expiresAt, let receipt):
        json.member("expires_at", expiresAt)
        json.receipt(receipt)
      case .recorded(let receipt): json.receipt(receipt)
      case .unchanged, .granted, .held, .refused, .session, .budget, .failed: break
      }
      json.endObject()
    }
  }
}

extension JSONWriter {
  mutating func receipt(_ receipt: Receipt) {
    member("position", receipt.position)
    member("recorded_at", receipt.recordedAt)
    member("replayed", receipt.isReplayed)
  }

  fileprivate mutating func violatedPolicies(_ refusal: Refusal) {
    name("violated-policies")
    beginArray()
    for violation in refusal.violations where violation.mode != .shadow {
      string(violation.period.name)
    }
    for violation in refusal.creditViolations {
      string(violation.budget.map { "budget:\($0)" } ?? "session")
    }
    endArray()
  }

  mutating func hold(_ reading: HoldReading) {
    beginObject()
    member("hold", reading.id.description)
    member("user", reading.hold.user.description)
    member("state", reading.end?.how.name ?? "open")
    if let end = reading.end {
      member("end_position", end.at)
    } else {
      member("tokens", reading.hold.tokens.rawValue)
      if reading.hold.credits > .zero { member("nano_aiu", reading.hold.credits.rawValue) }
      member("expires_at", reading.hold.expiresAt)
    }
    endObject()
  }
}

extension HoldEnd {
  var name: String {
    switch self {
    case .settled: "settled"
    case .voided: "voided"
    case .expired: "expired"
    case .settledLate: "settled_late"
    }
  }
}

extension Refusal {
  /// The text of upstream for the first limit that refuses; our own where only a cap in credits does.
  fileprivate var text: String {
    if let violation = violations.first(where: { $0.mode != .shadow }) {
      switch violation.period {
      case .daily: return "Daily token limit exceeded."
      case .weekly: return "Weekly token limit exceeded."
      case .monthly: return "Monthly token limit exceeded."
      case .yearly: return "Yearly token limit exceeded."
      }
    }
    guard let budget = creditViolations.first?.budget else { return "Session limit exceeded." }
    return "Shared budget \(budget) exceeded."
  }

  /// Seconds until the windows of all limits that refuse are over, rounded up; nil where no time helps.
  func retryAfterSeconds(_ standing: Standing, at moment: Moment) -> Int64? {
    guard creditViolations.isEmpty else { return nil }
    let ends = violations.filter { $0.mode != .shadow }.map { standing.windows[$0.period].end }
    return ends.max().map { max(1, ($0.microseconds - moment.microseconds + 999_999) / 1_000_000) }
  }
}
