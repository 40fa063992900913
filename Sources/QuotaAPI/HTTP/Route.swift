internal import HTTPServer

/// Where a path leads.
enum Route: Hashable {
  case waldur(WaldurPath)
  case native(NativePath)
  case session(SessionPath)
  case evidence(EvidencePath)
  case live
  case ready
}

/// The paths of the chat-quota contract, section 6.
enum WaldurPath: Hashable {
  case usage
  case setQuota
  case root
  case other

  /// The `Allow` header on every answer.
  var allow: String {
    switch self {
    case .usage: "GET, HEAD, OPTIONS"
    case .setQuota: "POST, OPTIONS"
    case .root: "GET, POST, OPTIONS"
    case .other: "GET, OPTIONS"
    }
  }
}

/// The paths of our own API, below `/v1/`.
enum NativePath: Hashable {
  case usage
  case users
  case user(String)
  case userUsage(String)
  case userLimits(String)
  case userTokens(String)
  case userToken(String, token: String)
  case defaults
  case events
  case check
  case holds
  case hold(String)
  case holdEnd(String, NativeHoldAction)
  case corrections
  case userAllowances(String)
  case userExplain(String)
  case schedules
  case schedule(String)
  case webhooks
  case eventStream
  case consumers
  case consumer(String)

  /// What can be done at the path, besides asking what can be done.
  var methods: [HTTPMethod] {
    switch self {
    case .usage, .check, .holds, .holdEnd, .corrections, .userAllowances, .userTokens: [.post]
    case .users: [.get, .head, .post]
    case .user: [.get, .head, .patch, .delete]
    case .userUsage, .userExplain, .events, .hold, .schedules, .webhooks, .eventStream, .consumers:
      [.get, .head]
    case .consumer: [.get, .head, .put, .delete]
    case .userLimits: [.get, .head, .patch]
    case .userToken, .schedule: [.delete]
    case .defaults: [.get, .head, .put]
    }
  }

  func allows(_ method: HTTPMethod) -> Bool { method == .options || methods.contains(method) }

  /// The `Allow` header.
  var allow: String { (methods + [.options]).map(\.text).joined(separator: ", ") }
}

extension HTTPMethod {
  var text: String {
    switch self {
    case .get: "GET"
    case .head: "HEAD"
    case .post: "POST"
    case .put: "PUT"
    case .patch: "PATCH"
    case .delete: "DELETE"
    case .options: "OPTIONS"
    case .other: ""
    }
  }
}

enum NativeHoldAction: String, Hashable {
  case settle
  case extend
  case void
}

extension Route {
  /// nil for a path that the server does not know. A final slash is optional everywhere.
  init?(path: String, prefix: String) {
    // The paths of the hot requests cost one comparison each.
    if prefix.isEmpty, let route = Self.frequent(path) {
      self = route
      return
    }
    guard path.hasPrefix(prefix) else { return nil }
    var rest = Array(path.utf8.dropFirst(prefix.utf8.count))
    guard rest.first == UInt8(ascii: "/") else { return nil }
    if rest.count > 1, rest.last == UInt8(ascii: "/") { rest.removeLast() }
    let segments = rest.dropFirst()
      .split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
      .map { decodePercent($0, plusIsSpace: false) }
    guard let route = Self.route(segments) else { return nil }
    self = route
  }

  private static func frequent(_ path: String) -> Route? {
    switch path {
    case "/v1/usage": .native(.usage)
    case "/api/chat-quota/usage/": .waldur(.usage)
    case "/v1/holds": .native(.holds)
    case "/v1/check": .native(.check)
    default: settlement(path).map(Route.native)
    }
  }

  /// `/v1/holds/{hold}/settle` as gateways spell it; nil for everything else.
  private static func settlement(_ path: String) -> NativePath? {
    guard path.hasPrefix("/v1/holds/"), path.hasSuffix("/settle") else { return nil }
    let hold = path.utf8.dropFirst(10).dropLast(7)
    guard hold.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
    return .holdEnd(String(Substring(hold)), .settle)
  }

  private static func route(_ segments: [String]) -> Route? {
    if let path = EvidencePath(segments) { return .evidence(path) }
    switch segments.first {
    case "api" where segments.dropFirst().first == "chat-quota":
      return waldur(segments.dropFirst(2))
    case "v1":
      return SessionPath(Array(segments.dropFirst())).map(Route.session)
        ?? native(Array(segments.dropFirst())).map(Route.native)
    case "livez" where segments.count == 1: return .live
    case "readyz" where segments.count == 1: return .ready
    default: return nil
    }
  }

  private static func waldur(_ segments: ArraySlice<String>) -> Route? {
    guard segments.count <= 1, segments.first != "" else { return nil }
    switch segments.first {
    case nil: return .waldur(.root)
    case "usage": return .waldur(.usage)
    case "set_quota": return .waldur(.setQuota)
    default: return .waldur(.other)
    }
  }

  private static func native(_ segments: [String]) -> NativePath? {
    guard !segments.contains("") else { return nil }
    switch (segments.first, segments.count) {
    case ("usage", 1): return .usage
    case ("defaults", 1): return .defaults
    case ("events", 1): return .events
    case ("check", 1): return .check
    case ("users", _): return users(Array(segments.dropFirst()))
    case ("holds", 1): return .holds
    case ("holds", 2): return .hold(segments[1])
    case ("holds", 3):
      return NativeHoldAction(rawValue: segments[2]).map { .holdEnd(segments[1], $0) }
    case ("corrections", 1): return .corrections
    case ("schedules", 1): return .schedules
    case ("webhooks", 1): return .webhooks
    case ("events", 2) where segments[1] == "stream": return .eventStream
    case ("consumers", 1): return .consumers
    case ("consumers", 2): return .consumer(segments[1])
    case ("schedules", 2): return .schedule(segments[1])
    default: return nil
    }
  }

  private static func users(_ segments: [String]) -> NativePath? {
    switch segments.count {
    case 0: .users
    case 1: .user(segments[0])
    case 2 where segments[1] == "usage": .userUsage(segments[0])
    case 2 where segments[1] == "limits": .userLimits(segments[0])
    case 2 where segments[1] == "explain": .userExplain(segments[0])
    case 2 where segments[1] == "allowances": .userAllowances(segments[0])
    case 2 where segments[1] == "tokens": .userTokens(segments[0])
    case 3 where segments[1] == "tokens": .userToken(segments[0], token: segments[2])
    default: nil
    }
  }
}
