import EventLoop

/// The body of an answer that is sent while it is made, as chunks (RFC 9112, section 7.1) or, to a
/// client that knows none, as it is until the connection closes.
final class StreamedBody {
  let handle: StreamHandle
  /// Status and fields, until they have been sent.
  private var head: HTTPResponse?
  private let isChunked: Bool

  /// What was written before it was the answer's turn.
  private(set) var waiting: [UInt8] = []
  /// How many bytes have gone to the connection, sent or still to be sent.
  private(set) var sendingBytes = 0
  /// No other answer will follow on the connection.
  var isLast = false
  /// The handler waits until nothing of it waits any more.
  var notifiesWhenSent = false
  private(set) var hasEnded = false

  init(_ head: HTTPResponse, isChunked: Bool, handle: StreamHandle) {
    self.head = head
    self.isChunked = isChunked
    self.handle = handle
  }

  /// Whether the answer's turn has come: its pieces go straight to the connection.
  var isFlowing: Bool { head == nil }

  /// Gives away status and fields: the answer's turn has come.
  func takeHead() -> HTTPResponse? { head.take() }

  func takeWaiting() -> [UInt8] {
    defer { waiting = [] }
    sendingBytes += waiting.count
    return waiting
  }
}

extension StreamedBody {
  /// Sends a piece, if it is the answer's turn. An empty one is none: an empty chunk would be the end.
  func append(_ piece: [UInt8], to output: ByteStream) {
    guard !piece.isEmpty else { return }
    put(on: output) { bytes in
      guard isChunked else { return bytes.append(contentsOf: piece) }
      bytes.appendHexadecimal(piece.count)
      bytes.appendLineEnd()
      bytes.append(contentsOf: piece)
      bytes.appendLineEnd()
    }
  }

  /// Ends the body; nothing may be appended to it any more.
  func end(on output: ByteStream) {
    hasEnded = true
    if isChunked { put(on: output) { $0.append(contentsOf: "0\r\n\r\n".utf8) } }
  }

  /// Ends a body of which nothing more will be sent.
  func abandon() {
    hasEnded = true
    waiting = []
  }

  private func put(on output: ByteStream, _ append: (inout [UInt8]) -> Void) {
    guard isFlowing else { return append(&waiting) }
    output.write { bytes in
      let start = bytes.count
      append(&bytes)
      sendingBytes += bytes.count - start
    }
  }
}

extension [UInt8] {
  /// Appends a positive number in hexadecimal digits.
  mutating func appendHexadecimal(_ number: Int) {
    var shift = (Int.bitWidth - number.leadingZeroBitCount - 1) & ~3
    while shift >= 0 {
      let digit = UInt8(truncatingIfNeeded: number >> shift & 0xF)
      append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
      shift -= 4
    }
  }
}
