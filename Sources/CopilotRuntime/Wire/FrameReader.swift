/// Cuts what arrives into the bodies of `Content-Length` frames (session-limits contract, 4.2).
///
/// What is fed waits until ``next()`` asks for it, so that a caller who is behind with answering can
/// leave it. Every byte is looked at once, however the input is cut, and no memory is taken on the
/// word of a header: a body grows as it arrives.
public struct FrameReader {
  /// Header lines of one frame; real ones have some thirty bytes.
  public static let maximumHeadBytes = 8192
  public static let defaultMaximumBodyBytes = 64 << 20

  /// The longest body of a frame that has not begun.
  public var maximumBodyBytes: Int
  private var head = FrameHead()
  /// The body being read, and how much of it is still to come; nil between the lines of a head.
  private var body: [UInt8] = []
  private var missing: Int?
  private var unread: [UInt8] = []
  private var offset = 0
  private var fault: FrameFault?

  public init(maximumBodyBytes: Int = FrameReader.defaultMaximumBodyBytes) {
    self.maximumBodyBytes = maximumBodyBytes
  }

  /// Whether something has been fed that ``next()`` has not looked at.
  public var hasUnread: Bool { offset < unread.count }

  /// Takes bytes in, without looking at them.
  public mutating func feed(_ bytes: Span<UInt8>) {
    guard fault == nil else { return }
    var start = 0
    if let missing, !hasUnread {
      start = min(missing, bytes.count)
      body.append(bytes, from: 0, to: start)
      self.missing = missing - start
    }
    unread.append(bytes, from: start, to: bytes.count)
  }

  /// The next whole body, or nil when it has not arrived yet. After a fault there is only that.
  public mutating func next() throws(FrameFault) -> [UInt8]? {
    if let fault { throw fault }
    do throws(FrameFault) {
      if missing == nil { try readHead() }
    } catch {
      self = FrameReader(maximumBodyBytes: maximumBodyBytes)
      fault = error
      throw error
    }
    guard let missing else { return nil }
    let end = min(offset + missing, unread.count)
    body += unread[offset..<end]
    self.missing = missing - (end - offset)
    drop(upTo: end)
    return self.missing == 0 ? takeBody() : nil
  }

  private mutating func readHead() throws(FrameFault) {
    var index = offset
    while index < unread.count, missing == nil {
      if let length = try head.take(unread[index]) {
        guard length <= maximumBodyBytes else { throw .bodyTooLong(limit: maximumBodyBytes) }
        missing = length
        head = FrameHead()
      }
      index += 1
    }
    drop(upTo: index)
  }

  private mutating func takeBody() -> [UInt8] {
    missing = nil
    defer { body = [] }
    return body
  }

  private mutating func drop(upTo end: Int) {
    offset = end
    guard offset == unread.count else { return }
    unread.removeAll(keepingCapacity: unread.capacity <= 65_536)
    offset = 0
  }
}

/// The header lines of one frame, byte by byte.
///
/// Lines end with CR LF or LF alone. Names are compared without regard to case, other headers are
/// passed over, and what is no header at all (a line of JSON, for instance) is refused at once.
struct FrameHead {
  private var line: [UInt8] = []
  private var count = 0
  private var length: Int?

  /// Takes a byte; answers the body's length when it was the last of the head.
  mutating func take(_ byte: UInt8) throws(FrameFault) -> Int? {
    count += 1
    guard count <= FrameReader.maximumHeadBytes else {
      throw .headTooLong(limit: FrameReader.maximumHeadBytes)
    }
    guard byte == UInt8(ascii: "\n") else {
      line.append(byte)
      return nil
    }
    if line.last == UInt8(ascii: "\r") { line.removeLast() }
    guard !line.isEmpty else {
      guard let length else { throw .missingLength }
      return length
    }
    try readLine()
    line.removeAll(keepingCapacity: true)
    return nil
  }

  private mutating func readLine() throws(FrameFault) {
    guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > 0,
      line[..<colon].allSatisfy(\.isInName), line[colon...].allSatisfy(\.isInValue)
    else { throw .malformedHeader }
    guard line[..<colon].elementsEqual("content-length".utf8, by: { $0 | 0x20 == $1 }) else {
      return
    }
    let found = try Self.number(line[(colon + 1)...])
    guard length == nil || length == found else { throw .conflictingLengths }
    length = found
  }

  /// A number too large for an `Int` is its largest one, which no limit admits.
  private static func number(_ text: ArraySlice<UInt8>) throws(FrameFault) -> Int {
    var digits = text.drop(while: \.isBlank)
    while digits.last?.isBlank == true { digits.removeLast() }
    guard !digits.isEmpty, digits.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 })
    else { throw .malformedLength }
    return Int(String(decoding: digits, as: UTF8.self)) ?? .max
  }
}

extension UInt8 {
  fileprivate var isBlank: Bool { self == UInt8(ascii: " ") || self == UInt8(ascii: "\t") }

  /// A character of a header's name (RFC 9110, token).
  fileprivate var isInName: Bool {
    switch self {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: "!#$%&'*+-.^_`|~".utf8.contains(self)
    }
  }

  /// Anything but a control character, save the tabulator.
  fileprivate var isInValue: Bool { self >= 0x20 && self != 0x7F || self == UInt8(ascii: "\t") }
}

extension [UInt8] {
  fileprivate mutating func append(_ bytes: Span<UInt8>, from start: Int, to end: Int) {
    unsafe bytes.withUnsafeBufferPointer { unsafe append(contentsOf: $0[start..<end]) }
  }
}
