public import QuotaModel
internal import QuotaService

/// An event as the clients of a session see it: one JSON envelope (contract session-limits, 3.1).
public struct ClientEvent: Sendable {
  public let id: EntryID
  public let type: String
  /// Where it lies; nil for what is only shown live.
  public let place: SessionEventPlace?
  /// The event of the log that it belongs to, or that it came right behind.
  public let position: Position
  /// The envelope.
  public let json: [UInt8]

  public var isDurable: Bool { place != nil }

  init(
    id: EntryID, type: String, place: SessionEventPlace?, position: Position, json: [UInt8]
  ) {
    self.id = id
    self.type = type
    self.place = place
    self.position = position
    self.json = json
  }
}

extension ClientEvent {
  /// The open question once more, for somebody who has not heard it.
  public static func requested(
    _ request: ExhaustionRequest, in session: Session, at moment: Moment
  ) -> ClientEvent {
    EnvelopeWriter.ephemeral(
      "session_limits_exhausted.requested", id: System.randomEntry(), behind: session.lastEvent,
      in: session, at: max(moment, session.updatedAt), position: session.lastEvent.position
    ) { $0.data(of: request) }
  }
}
