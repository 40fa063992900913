internal import HTTPServer

/// The paths of session budgets, below `/v1/` (contract session-limits, sections 6 and 8.1).
enum SessionPath: Hashable {
  case sessions
  case session(String)
  case action(SessionAction, String)
  case exhaustion(String, request: String)
  case events(String)
  case budget(String)
  /// Nothing is there, which is told in the words of these paths.
  case unknown

  /// nil where the path, cut at its slashes, belongs to others.
  init?(_ segments: [String]) {
    switch segments.first {
    case "sessions": self = segments.contains("") ? .unknown : Self.session(segments.dropFirst())
    case "budgets":
      self = segments.count == 2 && segments[1] != "" ? .budget(segments[1]) : .unknown
    default: return nil
    }
  }

  private static func session(_ segments: ArraySlice<String>) -> SessionPath {
    let words = Array(segments)
    switch words.count {
    case 0: return .sessions
    case 1: return .session(words[0])
    case 2 where words[1] == "events": return .events(words[0])
    case 2: return SessionAction(rawValue: words[1]).map { .action($0, words[0]) } ?? .unknown
    case 3 where words[1] == "exhaustions": return .exhaustion(words[0], request: words[2])
    default: return .unknown
    }
  }

  /// What can be done at the path, besides asking what can be done.
  var methods: [HTTPMethod] {
    switch self {
    case .sessions: [.get, .head, .post]
    case .session: [.get, .head, .patch, .delete]
    case .action, .exhaustion: [.post]
    case .events: [.get, .head]
    case .budget: [.get, .head, .put]
    case .unknown: []
    }
  }

  func allows(_ method: HTTPMethod) -> Bool { method == .options || methods.contains(method) }

  /// The `Allow` header.
  var allow: String { (methods + [.options]).map(\.text).joined(separator: ", ") }
}

/// What can be done with a session by a request to a path of its own.
enum SessionAction: String, Hashable {
  case resume
  case check
  case usage
  case clear
}
