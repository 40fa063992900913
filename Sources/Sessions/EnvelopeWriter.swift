public import JSON
public import QuotaModel

/// Writes envelopes: everything around `data`.
struct EnvelopeWriter {
  /// Events that are kept: each one's parent is the one before.
  static func durable(
    _ type: String, at place: SessionEventPlace, in session: Session, parent: SessionEventPlace?,
    recordedAt: Moment, _ data: (inout JSONWriter) -> Void
  ) -> ClientEvent {
    let id = session.eventID(at: place)
    let json = envelope(
      type, id: id, at: recordedAt, parent: parent.map(session.eventID), isEphemeral: false, data)
    return ClientEvent(id: id, type: type, place: place, position: place.position, json: json)
  }

  /// Events that are only shown: the parent is the last one that is kept.
  static func ephemeral(
    _ type: String, id: EntryID, behind parent: SessionEventPlace?, in session: Session,
    at moment: Moment, position: Position, _ data: (inout JSONWriter) -> Void
  ) -> ClientEvent {
    let json = envelope(
      type, id: id, at: moment, parent: parent.map(session.eventID), isEphemeral: true, data)
    return ClientEvent(id: id, type: type, place: nil, position: position, json: json)
  }

  private static func envelope(
    _ type: String, id: EntryID, at moment: Moment, parent: EntryID?, isEphemeral: Bool,
    _ data: (inout JSONWriter) -> Void
  ) -> [UInt8] {
    var json = JSONWriter()
    json.beginObject()
    json.member("id", id.description)
    json.member("timestamp", moment.millisecondText)
    json.name("parentId")
    if let parent { json.string(parent.description) } else { json.null() }
    if isEphemeral {
      json.member("ephemeral", true)
    }
    json.member("type", type)
    json.name("data")
    json.beginObject()
    data(&json)
    json.endObject()
    json.endObject()
    return json.take()
  }
}

extension JSONWriter {
  /// A number of credits, exact and without exponent.
  mutating func credits(_ name: StaticString, _ amount: NanoCredits) {
    self.name(name)
    raw(Array(amount.credits.utf8))
  }

  /// `{"maxAiCredits": …}`, or null for no cap.
  public mutating func sessionLimits(_ limit: NanoCredits?) {
    name("sessionLimits")
    guard let limit else { return null() }
    beginObject()
    credits("maxAiCredits", limit)
    endObject()
  }
}

extension Moment {
  /// RFC 3339 in UTC with exactly three digits behind the second, cut off and not rounded.
  public var millisecondText: String {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(27)
    write(into: &bytes)
    // Six digits and the `Z` end every moment's text.
    bytes.removeLast(4)
    bytes.append(UInt8(ascii: "Z"))
    return String(decoding: bytes, as: UTF8.self)
  }
}
