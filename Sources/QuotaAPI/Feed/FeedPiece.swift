internal import EventJSON
internal import HTTPServer
internal import JSON
internal import QuotaModel

/// What streams of events send.
enum FeedPiece {
  /// The name of an event that only tells how far the stream has come.
  static let progressName = "progress"

  static func bytes(of event: Event) -> [UInt8] {
    var json = JSONWriter()
    json.event(event)
    var writer = EventStreamWriter()
    writer.event(
      id: event.position.description, name: event.fact.kind.name, data: json.take())
    return writer.take()
  }

  /// Tells a client an id to come again with, though nothing happened that it wants to know.
  ///
  /// A browser would take an id without data as well and show nothing; other clients make an event of it
  /// that has neither name nor data, so that it gets both.
  static func progress(to position: Position) -> [UInt8] {
    var json = JSONWriter()
    json.beginObject()
    json.member("position", position)
    json.endObject()
    var writer = EventStreamWriter()
    writer.event(id: position.description, name: progressName, data: json.take())
    return writer.take()
  }

  /// Keeps a connection from looking dead.
  static var signOfLife: [UInt8] {
    var writer = EventStreamWriter()
    writer.comment()
    return writer.take()
  }
}
