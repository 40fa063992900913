/// How much a client may take of the server. Every one of them has a test.
public struct HTTPServerLimits: Sendable {
  /// Bytes of the request line; a longer one is answered 414.
  public var requestLineBytes = 8_192
  /// Bytes of the whole head; a longer one is answered 431. At most 80 KiB, the parser's own limit.
  public var headBytes = 16_384
  /// Header fields of a head, and of a trailer; more are answered 431.
  public var headerCount = 100
  /// Bytes of a body, whatever the handler allows; a longer one is answered 413.
  public var bodyBytes = 16_777_216
  /// Bytes of a refused request's body that are read and dropped to keep the connection.
  public var drainedBodyBytes = 65_536
  /// Requests of one connection that may wait for answers; further ones are read when one has left.
  public var pipelinedRequests = 64
  /// Bytes of bodies that the requests of one connection that wait for answers may hold, before
  /// further ones are read.
  public var pipelinedBytes = 1_048_576
  /// Bytes of bodies that all connections together may hold, on their way in or waiting for answers;
  /// the request that passes it is answered 503.
  public var bodyBytesInTotal = 268_435_456
  /// Bytes of answers that a connection may owe its client before further requests are read.
  public var pendingOutputBytes = 65_536
  /// Bytes of a streamed body that may wait for its client; the piece that passes it cuts the client
  /// off. A single piece may be longer when nothing else waits.
  public var streamPendingBytes = 1_048_576
  /// Open connections; further ones are answered 503. Never more than the process may open.
  public var connections = 10_000
  /// Seconds for a head, however steadily it trickles, and then for each ``requestProgressBytes`` of the
  /// body; then 408. A connection that has not sent anything for so long is closed.
  public var requestSeconds = 10
  /// What a client must send of a body in ``requestSeconds`` to be given as long again: a slow client
  /// gets a large body in, one that only trickles none.
  public var requestProgressBytes = 131_072
  /// Seconds that a connection may rest between requests.
  public var idleSeconds = 60
  /// Seconds in which a client must take all that it is owed, or at least ``writeProgressBytes``.
  public var writeSeconds = 20
  /// What a client must take in ``writeSeconds`` to be given as long again.
  public var writeProgressBytes = 16_384
  /// Seconds that a closed connection still swallows what the client sends, so that it reads the
  /// last answer before it sees the reset.
  public var lingerSeconds = 1

  public init() {}
}
