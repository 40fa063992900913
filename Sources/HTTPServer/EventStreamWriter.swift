/// Writes server-sent events (WHATWG HTML, section 9.2.6), for a stream of type `text/event-stream`.
public struct EventStreamWriter {
  private var bytes: [UInt8] = []

  public init() {}

  /// The fields that an event stream is answered with.
  public static var headers: [(name: String, value: String)] {
    [
      ("Content-Type", "text/event-stream"), ("Cache-Control", "no-cache"),
      // Some proxies would gather events until there are enough to be worth a packet.
      ("X-Accel-Buffering", "no"),
    ]
  }

  /// What has been written since the last time, to be sent as one piece.
  public mutating func take() -> [UInt8] {
    defer { bytes = [] }
    return bytes
  }

  /// Appends an event; its `data` may have several lines, each a field of its own.
  ///
  /// A client keeps `id` for `Last-Event-ID`, and ignores one that has a NUL. Line breaks in `id` and
  /// `name` become spaces: they must not become fields.
  public mutating func event(id: String? = nil, name: String? = nil, data: [UInt8]) {
    if let id { field("id: ", id) }
    if let name { field("event: ", name) }
    lines("data: ", of: data)
    bytes.append(.lineFeed)
  }

  /// Appends a comment, which keeps a connection from looking dead and is no event.
  public mutating func comment(_ text: String = "") {
    lines(": ", of: Array(text.utf8))
    bytes.append(.lineFeed)
  }

  /// Says how long a client is to wait before it connects again.
  public mutating func retry(milliseconds: Int) {
    precondition(milliseconds >= 0, "nobody can have waited already")
    bytes.append(contentsOf: "retry: ".utf8)
    bytes.appendDecimal(milliseconds)
    bytes.append(contentsOf: "\n\n".utf8)
  }

  private mutating func field(_ name: StaticString, _ value: String) {
    append(name)
    bytes.appendFieldText(value)
    bytes.append(.lineFeed)
  }

  /// Appends a field for each line; CR LF, CR and LF all end one.
  private mutating func lines(_ name: StaticString, of text: [UInt8]) {
    append(name)
    var index = 0
    while index < text.count {
      let byte = text[index]
      index += 1
      if byte != .lineFeed, byte != .carriageReturn {
        bytes.append(byte)
        continue
      }
      if byte == .carriageReturn, index < text.count, text[index] == .lineFeed { index += 1 }
      bytes.append(.lineFeed)
      append(name)
    }
    bytes.append(.lineFeed)
  }

  private mutating func append(_ name: StaticString) {
    name.withUTF8Buffer { unsafe bytes.append(contentsOf: $0) }
  }
}
