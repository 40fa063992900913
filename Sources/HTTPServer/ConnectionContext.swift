import EventLoop

/// What all connections of a server share.
///
/// An object apart from the server, so that connections can hold it strongly: they use it for every
/// request, and reaching through an unowned reference each time is measurably dearer.
final class ConnectionContext {
  let limits: HTTPServerLimits
  let handler: any HTTPHandler
  let shares: TurnShares
  let pace: BodyPace
  let parser = HeadParser()
  var writer = ResponseWriter()
  let notices: StreamNotices

  /// How often connections have been looked through for missed deadlines.
  var sweep: UInt64 = 0
  /// Bytes of bodies that the connections hold together.
  var heldBytes = 0
  /// No connection shall begin another request.
  var isDraining = false

  init(loop: EventLoop, limits: HTTPServerLimits, handler: any HTTPHandler) {
    self.limits = limits
    self.handler = handler
    shares = loop.shares
    pace = BodyPace(loop)
    notices = StreamNotices(loop: loop, handler: handler)
  }
}
