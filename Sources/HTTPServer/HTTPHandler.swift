/// What answers requests. Called on the loop's thread, and must not block it.
public protocol HTTPHandler: AnyObject {
  /// Says, once the head is complete, whether to read the body. `head` has none.
  func decide(onHead head: HTTPRequest) -> HeadDecision

  /// Answers the request, or returns nil and answers later through ``HTTPServer/complete(_:_:)`` or
  /// piece by piece through ``HTTPServer/beginStream(_:status:headers:)``.
  func handle(_ request: HTTPRequest, _ reply: ReplyHandle) -> HTTPResponse?

  /// Whom the latest request was for, by a number of the handler's own; zero: for nobody it knows.
  ///
  /// Those for whom there is much to do share the server's time, whichever connections they use.
  var latestParty: UInt64 { get }

  /// A stream has ended without its handler: nothing more can be written to it.
  ///
  /// Told once, by the loop, never from within a call to the server; and not of a stream that the
  /// handler has ended itself.
  func streamClosed(_ handle: StreamHandle, _ reason: StreamClosure)

  /// Nothing of the stream waits any more, as was asked by ``HTTPServer/notifyWhenSent(_:)``.
  ///
  /// Told once for each time it was asked, by the loop; the stream may have ended meanwhile.
  func streamSent(_ handle: StreamHandle)
}

extension HTTPHandler {
  /// For a handler that tells nobody from anybody.
  public var latestParty: UInt64 { 0 }

  /// For a handler that begins no streams.
  public func streamClosed(_ handle: StreamHandle, _ reason: StreamClosure) {}

  /// For a handler that never asks.
  public func streamSent(_ handle: StreamHandle) {}
}

/// What to do about a request whose head has come.
public enum HeadDecision: Sendable {
  /// Read the body, if it is no longer than so many bytes (else the server answers 413).
  case accept(bodyLimit: Int)
  /// Answer at once. A small body is read and dropped; else the connection closes.
  case answer(HTTPResponse)
}
