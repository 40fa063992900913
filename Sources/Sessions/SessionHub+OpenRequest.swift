public import QuotaModel

extension SessionHub {
  /// What a session's question is told as.
  public static let requestedType = "session_limits_exhausted.requested"

  /// The event that told of a session's question, as far as it is remembered.
  public func event(asking request: EntryID, in session: SessionRef) -> ClientEvent? {
    recentEvents(of: session, after: 0).last { $0.event.asks(request) }?.event
  }
}

extension ClientEvent {
  /// Whether the event tells of that question.
  public func asks(_ request: EntryID) -> Bool {
    type == SessionHub.requestedType && !json.ranges(of: request.description.utf8).isEmpty
  }
}
