import Foundation
import QuotaModel
import QuotaService
import Testing

extension SessionOpening {
  /// A session of that name.
  static func named(
    _ id: String, user: UserID? = nil, limit: String? = nil, budget: BudgetID? = nil
  ) throws -> SessionOpening {
    SessionOpening(
      id: try SessionID(id), user: user, viewer: .everybody,
      limit: try limit.map { .set(try .credits($0)) } ?? .keep, budget: budget,
      whenItExists: .compare)
  }
}

extension NanoCredits {
  static func credits(_ text: String) throws -> NanoCredits {
    try #require(NanoCredits(credits: text))
  }
}

extension SessionAddress {
  static func named(_ id: String) throws -> SessionAddress {
    SessionAddress(try SessionID(id), as: .everybody)
  }
}

extension CallUsage {
  /// A usage of so many credits.
  static func of(_ credits: String, id: String) throws -> CallUsage {
    var usage = CallUsage(id: try StepID(id))
    usage.cost = try .credits(credits)
    return usage
  }
}

extension CallRequest {
  /// A call that somebody else makes.
  static func named(_ call: String) throws -> CallRequest {
    CallRequest(
      call: try StepID(call), estimate: nil, fallback: try .credits("1"), timeToLiveSeconds: 600,
      turn: nil)
  }
}

extension JSONDecoder {
  /// Reads members that are spelled as the API spells them.
  static var ofSnakeCase: JSONDecoder {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return decoder
  }
}
