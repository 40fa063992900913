/// Takes the data out of server-sent events (WHATWG HTML, section 9.2.6), however the bytes are cut.
///
/// Names, ids and comments are passed over.
struct EventStreamReader {
  private static let lineFeed = UInt8(ascii: "\n")
  private static let carriageReturn = UInt8(ascii: "\r")

  private var line: [UInt8] = []
  private var data: [UInt8]?
  /// Whether the last byte was a carriage return, which a line feed would only complete.
  private var awaitsLineFeed = false

  /// Reads on and calls `take` with the data of each event that is complete.
  mutating func read(_ bytes: [UInt8], _ take: ([UInt8]) -> Void) {
    var rest = bytes[...]
    if awaitsLineFeed, let first = rest.first {
      if first == Self.lineFeed { rest.removeFirst() }
      awaitsLineFeed = false
    }
    while let end = rest.firstIndex(where: { $0 == Self.lineFeed || $0 == Self.carriageReturn }) {
      line += rest[..<end]
      let isReturn = rest[end] == Self.carriageReturn
      rest = rest[(end + 1)...]
      if isReturn { skipLineFeed(in: &rest) }
      if let data = endLine() { take(data) }
    }
    line += rest
  }

  /// What the end of the input has left of an event; it may be any part of one.
  mutating func end() -> [UInt8]? {
    if !line.isEmpty { _ = endLine() }
    return data.take()
  }

  private mutating func skipLineFeed(in rest: inout ArraySlice<UInt8>) {
    if rest.isEmpty { awaitsLineFeed = true }
    if rest.first == Self.lineFeed { rest.removeFirst() }
  }

  /// Takes the line; a blank one ends the event and yields its data.
  private mutating func endLine() -> [UInt8]? {
    defer { line.removeAll(keepingCapacity: true) }
    guard !line.isEmpty else { return data.take() }
    guard let value = dataValue else { return nil }
    if data == nil {
      data = Array(value)
    } else {
      data?.append(Self.lineFeed)
      data?.append(contentsOf: value)
    }
    return nil
  }

  /// The line's value if it is one of data: what follows the colon and at most one space.
  private var dataValue: ArraySlice<UInt8>? {
    guard line.starts(with: "data".utf8) else { return nil }
    let rest = line[4...]
    guard let colon = rest.first else { return [] }
    guard colon == UInt8(ascii: ":") else { return nil }
    let value = rest.dropFirst()
    return value.first == UInt8(ascii: " ") ? value.dropFirst() : value
  }
}
