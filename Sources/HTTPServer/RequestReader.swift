/// Makes requests of bytes. Does no I/O and keeps no bytes: what it leaves is offered again.
struct RequestReader {
  /// What a call has come to.
  enum Step {
    /// The bytes are used up, or begin something whose end is missing.
    case needsMore
    /// A head is complete: say what becomes of the body, then go on.
    case head(RequestHead)
    /// A request is complete.
    case request(HTTPRequest)
    /// The body of a request that was not accepted has gone by.
    case skipped
  }

  private enum Phase {
    case head, undecided, body
  }

  private let limits: HTTPServerLimits
  private let parser: HeadParser
  private var phase = Phase.head
  private var scanner: HeadScanner
  private var current: RequestHead?
  private var body = BodyBuffer(limit: 0, keeps: false)
  private var chunks: ChunkedBody?
  private var remaining = 0

  /// How many requests have been read to their end.
  private(set) var completedCount = 0

  init(limits: HTTPServerLimits, parser: HeadParser) {
    self.limits = limits
    self.parser = parser
    scanner = HeadScanner(limits: limits)
  }

  /// Whether a head has come whose body has not.
  var isInBody: Bool { phase != .head }

  /// Bytes of the body that is on its way.
  var heldBytes: Int { body.bytes.count }

  /// Reads from `position` on, up to the next thing to be told.
  mutating func next(_ bytes: Span<UInt8>, _ position: inout Int) throws(Refusal) -> Step {
    switch phase {
    case .head: try readHead(bytes, &position)
    case .undecided: preconditionFailure("the body of a request has to be accepted or skipped")
    case .body: try readBody(bytes, &position)
    }
  }

  /// Has the body read, if it is no longer than `limit` and the server's own limit.
  mutating func acceptBody(limit: Int) throws(Refusal) {
    try startBody(limit: min(limit, limits.bodyBytes), keeps: true)
  }

  /// Lets go of what has come of a body, of which the rest will not be read.
  mutating func abandonBody() {
    body = BodyBuffer(limit: 0, keeps: false)
  }

  /// Has the body dropped, if it is a small one.
  mutating func skipBody() throws(Refusal) {
    try startBody(limit: limits.drainedBodyBytes, keeps: false)
  }
}

extension RequestReader {
  private mutating func readHead(
    _ bytes: Span<UInt8>, _ position: inout Int
  ) throws(Refusal) -> Step {
    skipEmptyLines(bytes, &position)
    let rest = bytes.extracting(position..<bytes.count)
    // A lone CR is perhaps half of one more empty line.
    if rest.count == 1, rest[0] == .carriageReturn { return .needsMore }
    guard let length = try scanner.scan(rest) else { return .needsMore }
    scanner = HeadScanner(limits: limits)
    let head = try RequestHead(rest.bytes(0..<length), by: parser)
    position += length
    current = head
    phase = .undecided
    return .head(head)
  }

  /// RFC 9112, section 2.2: some clients send an empty line after a body.
  private func skipEmptyLines(_ bytes: Span<UInt8>, _ position: inout Int) {
    while position + 1 < bytes.count, bytes[position] == .carriageReturn,
      bytes[position + 1] == .lineFeed
    {
      position += 2
    }
  }

  private mutating func startBody(limit: Int, keeps: Bool) throws(Refusal) {
    body = BodyBuffer(limit: limit, keeps: keeps)
    switch current?.framing {
    case .length(let length):
      try body.makeRoom(for: length)
      (chunks, remaining) = (nil, length)
    case .chunked: chunks = ChunkedBody()
    case nil: preconditionFailure("there is no request whose body could come")
    }
    phase = .body
  }

  private mutating func readBody(
    _ bytes: Span<UInt8>, _ position: inout Int
  ) throws(Refusal) -> Step {
    guard try readBodyBytes(bytes, &position) else { return .needsMore }
    guard var request = current?.request else { return .needsMore }
    phase = .head
    completedCount += 1
    let isKept = body.keeps
    request.body = body.bytes
    current = nil
    body = BodyBuffer(limit: 0, keeps: false)
    return isKept ? .request(request) : .skipped
  }

  private mutating func readBodyBytes(
    _ bytes: Span<UInt8>, _ position: inout Int
  ) throws(Refusal) -> Bool {
    if chunks != nil { return try chunks?.read(bytes, &position, into: &body, limits) ?? false }
    let end = position + min(remaining, bytes.count - position)
    body.take(bytes, position..<end)
    remaining -= end - position
    position = end
    return remaining == 0
  }
}
