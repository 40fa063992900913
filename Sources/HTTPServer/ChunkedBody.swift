/// Undoes the chunked transfer coding (RFC 9112, section 7.1), strictly.
struct ChunkedBody {
  /// Bytes of a chunk's size line, extensions included; far more than anybody needs.
  static let sizeLineBytes = 1_024

  private enum State {
    case sizeLine
    case data(remaining: Int)
    case dataEnd
    case trailer
  }

  private var state = State.sizeLine
  private var trailerBytes = 0
  private var trailerFields = 0

  /// Reads from `position` on and appends what it decodes to `body`; true when the body is complete.
  ///
  /// What it leaves is the beginning of a line and must be offered again with more behind it.
  mutating func read(
    _ bytes: Span<UInt8>, _ position: inout Int, into body: inout BodyBuffer,
    _ limits: HTTPServerLimits
  ) throws(Refusal) -> Bool {
    while position < bytes.count {
      switch state {
      case .data(let remaining):
        let end = position + min(remaining, bytes.count - position)
        body.take(bytes, position..<end)
        let left = remaining - (end - position)
        state = left == 0 ? .dataEnd : .data(remaining: left)
        position = end
      case .dataEnd:
        guard let line = try line(bytes, position, limit: 2) else { return false }
        guard line.isEmpty else { throw .malformed("a chunk is longer than it says") }
        position = line.upperBound + 2
        state = .sizeLine
      case .sizeLine:
        guard let line = try line(bytes, position, limit: Self.sizeLineBytes) else { return false }
        position = line.upperBound + 2
        let size = try Self.size(bytes, line)
        try body.makeRoom(for: size)
        state = size == 0 ? .trailer : .data(remaining: size)
      case .trailer:
        let limit = limits.headBytes - trailerBytes
        guard let line = try line(bytes, position, limit: limit) else { return false }
        position = line.upperBound + 2
        if line.isEmpty { return true }
        trailerBytes += line.count + 2
        trailerFields += 1
        if trailerFields > limits.headerCount { throw .headTooLarge }
        try FieldLine.check(bytes, line)
      }
    }
    return false
  }

  /// The line that begins at `start`, without its CR LF; nil when its end has not come yet.
  private func line(
    _ bytes: Span<UInt8>, _ start: Int, limit: Int
  ) throws(Refusal) -> Range<Int>? {
    let end = bytes.firstLineFeed(from: start)
    guard (end.map { $0 + 1 } ?? bytes.count) - start <= limit else {
      throw .malformed("a line of its chunked body is too long")
    }
    guard let end else { return nil }
    guard end > start, bytes[end - 1] == .carriageReturn else {
      throw .malformed("a line of its chunked body does not end in CR LF")
    }
    return start..<(end - 1)
  }

  /// The size that opens a size line. Extensions are ignored, but must be printable.
  private static func size(_ bytes: Span<UInt8>, _ line: Range<Int>) throws(Refusal) -> Int {
    var size = 0
    var index = line.lowerBound
    while index < line.upperBound, let digit = bytes[index].hexadecimalValue {
      guard size < 1 << 40 else { throw .bodyTooLarge }
      size = size << 4 | digit
      index += 1
    }
    guard index > line.lowerBound else { throw .malformed("a chunk without a size") }
    while index < line.upperBound, bytes[index].isBlank { index += 1 }
    guard index == line.upperBound || bytes[index] == UInt8(ascii: ";") else {
      throw .malformed("a chunk size that is no number")
    }
    while index < line.upperBound {
      guard bytes[index].isFieldContent else { throw .malformed("a control character in a chunk") }
      index += 1
    }
    return size
  }
}
