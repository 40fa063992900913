internal import HTTPServer
internal import QuotaModel
internal import Sessions

/// What somebody wants to know of a session's events (contract session-limits, section 6).
struct SessionEventQuery {
  let cursor: SessionCursor
  let limit: Int
  private let types: Set<String>?
  /// nil: the form of the answer decides.
  let includesEphemeral: Bool?
  /// Whether the client says that it will answer when the cap is reached.
  let isInterested: Bool

  init(_ request: HTTPRequest) throws(Problem) {
    let query = QueryParameters(request)
    cursor = try Self.cursor(request, query)
    limit = Int(try query.integer("limit", in: 1...1000) ?? 200)
    let types = (query["types"] ?? "*").split(separator: ",").map { trimmed($0) }
    self.types = types.isEmpty || types.contains("*") ? nil : Set(types)
    includesEphemeral = try Self.flag(["include_ephemeral", "includeEphemeral"], query)
    isInterested =
      query["interest"]?.split(separator: ",").contains {
        trimmed($0) == SessionHub.requestedType
      } ?? false
  }

  /// Events of a question about the cap are in every stream: somebody has to answer them.
  func wants(_ event: ClientEvent, inStream: Bool) -> Bool {
    guard types?.contains(event.type) ?? true else { return false }
    if event.isDurable || includesEphemeral ?? inStream { return true }
    return inStream && event.type.hasPrefix("session_limits_exhausted.")
  }

  /// What a browser sends when it comes again wins over what its address said in the beginning.
  private static func cursor(
    _ request: HTTPRequest, _ query: QueryParameters
  ) throws(Problem) -> SessionCursor {
    let header = request.headers["last-event-id"].flatMap { $0.isEmpty ? nil : $0 }
    guard let cursor = SessionCursor(header ?? query["after"] ?? "0") else {
      throw .invalid(header == nil ? "after" : "Last-Event-ID", "is no cursor of this service")
    }
    return cursor
  }

  /// A truth value under one of several names.
  private static func flag(
    _ names: [String], _ query: QueryParameters
  ) throws(Problem) -> Bool? {
    var found: Bool?
    for name in names {
      guard let text = query[name] else { continue }
      guard let value = ["true": true, "1": true, "false": false, "0": false][text] else {
        throw .invalid(name, "must be true or false")
      }
      if let found, found != value { throw .invalid(name, "contradicts \(names[0])") }
      found = value
    }
    return found
  }
}
