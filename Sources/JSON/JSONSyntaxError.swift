/// Why a text is not JSON, and where.
///
/// `description` reads `expected ':' after a member name: line 1 column 9 (byte 8)`.
public struct JSONSyntaxError: Error, Hashable, Sendable {
  /// What is wrong, in a few words of lower case.
  public let reason: String
  /// Bytes before the fault; all bytes of the document if something is missing at its end.
  public let offset: Int
  /// Counted from 1, lines end with a line feed.
  public let line: Int
  /// Counted from 1, in characters (Unicode scalars) of the line.
  public let column: Int

  /// Whether the document may be JSON, but has too much in it.
  public var isOfSize: Bool { reason == Self.tooManyTokens }

  static let tooManyTokens =
    "the document has more than \(JSONParser.maximumTokenCount) values, commas and brackets"

  init(reason: String, offset: Int, in document: UnsafeRawBufferPointer) {
    self.reason = reason
    self.offset = offset
    var line = 1
    var column = 1
    for index in 0..<offset {
      let byte = unsafe document[index]
      if byte == UInt8(ascii: "\n") {
        line += 1
        column = 1
      } else if byte & 0xC0 != 0x80 {
        column += 1
      }
    }
    self.line = line
    self.column = column
  }
}

extension JSONSyntaxError: CustomStringConvertible {
  public var description: String {
    "\(reason): line \(line) column \(column) (byte \(offset))"
  }
}
