/// Finds the end of a head and refuses lines that no parser should see.
///
/// Stricter than http-parser, which lets pass what has been used to smuggle requests past proxies:
/// bare line feeds, continued header lines, space before the first field or before a colon. Each
/// line is looked at once, when it is complete, so that a trickle costs no more than a burst.
struct HeadScanner {
  let limits: HTTPServerLimits
  private var lineStart = 0
  private var searched = 0
  private var fieldCount = 0
  private var hasRequestLine = false

  init(limits: HTTPServerLimits) {
    self.limits = limits
  }

  /// Goes on where the last call stopped; `bytes` starts with the head's first byte.
  ///
  /// Returns the length of the head when its final empty line is there.
  mutating func scan(_ bytes: Span<UInt8>) throws(Refusal) -> Int? {
    if searched == 0, !bytes.isEmpty, !bytes[0].isToken {
      throw .malformed("no method at its beginning")
    }
    while let end = bytes.firstLineFeed(from: searched) {
      searched = end + 1
      try checkSize(end + 1)
      guard end > lineStart, bytes[end - 1] == .carriageReturn else {
        throw .malformed("a line does not end in CR LF")
      }
      let line = lineStart..<(end - 1)
      lineStart = end + 1
      if line.isEmpty { return end + 1 }
      try checkLine(bytes, line)
    }
    searched = bytes.count
    try checkSize(bytes.count)
    return nil
  }

  private func checkSize(_ length: Int) throws(Refusal) {
    if !hasRequestLine, length > limits.requestLineBytes { throw .targetTooLong }
    if length > limits.headBytes { throw .headTooLarge }
  }

  private mutating func checkLine(_ bytes: Span<UInt8>, _ line: Range<Int>) throws(Refusal) {
    if hasRequestLine {
      fieldCount += 1
      if fieldCount > limits.headerCount { throw .headTooLarge }
      try FieldLine.check(bytes, line)
    } else {
      hasRequestLine = true
      try checkRequestLine(bytes, line)
    }
  }

  private func checkRequestLine(_ bytes: Span<UInt8>, _ line: Range<Int>) throws(Refusal) {
    var spaces = 0
    for index in line {
      if bytes[index] == .space {
        spaces += 1
      } else if !bytes[index].isVisible {
        throw .malformed("a control or non-ASCII character in the request line")
      }
    }
    if spaces != 2 { throw .malformed("a request line is not three words") }
    try checkVersion(bytes, line)
  }

  /// The last word has to be `HTTP/`, a digit, a point and a digit (RFC 9112, section 2.3); the parser
  /// looks at the first letter and the digits alone.
  private func checkVersion(_ bytes: Span<UInt8>, _ line: Range<Int>) throws(Refusal) {
    let start = line.upperBound - 8
    let isVersion =
      start > line.lowerBound && bytes[start - 1] == .space
      && Self.protocolName.enumerated().allSatisfy { bytes[start + $0.offset] == $0.element }
      && bytes[start + 5].isDigit && bytes[start + 6] == UInt8(ascii: ".")
      && bytes[start + 7].isDigit
    guard isVersion else { throw .malformed("no HTTP version it could have") }
  }

  private static let protocolName = Array("HTTP/".utf8)
}

/// The rules for one line of a header or a trailer.
enum FieldLine {
  static func check(_ bytes: Span<UInt8>, _ line: Range<Int>) throws(Refusal) {
    var index = line.lowerBound
    while index < line.upperBound, bytes[index].isToken { index += 1 }
    guard index > line.lowerBound, index < line.upperBound, bytes[index] == UInt8(ascii: ":")
    else { throw .malformed("a header line is not a name and a colon") }
    while index < line.upperBound {
      guard bytes[index].isFieldContent else {
        throw .malformed("a control character in a header field")
      }
      index += 1
    }
  }
}
