import CSimdJSON

/// Reads JSON as RFC 8259 has it and nothing besides; buffers are reused from document to document.
///
/// Beyond the grammar a document is refused when a number does not fit a double (`1e400`), when a
/// string holds a lone surrogate, when it starts with a byte order mark, when containers nest deeper
/// than `maximumDepth`, and when it has more than ``maximumTokenCount`` tokens. Numbers keep their exact text. One parser serves one thread at a
/// time; what it returns may go anywhere.
@safe public final class JSONParser {
  /// Braces, brackets, commas, colons and values of a document; `[1,2]` has five.
  ///
  /// Far more than anybody needs: a document takes at most six times its size and these 24 bytes each.
  public static let maximumTokenCount = 1_000_000

  private let maximumDepth: Int
  private let parser: OpaquePointer
  private var document = JSONDocument()

  /// - Parameter maximumDepth: how many containers may be open at once; 0 admits scalars only.
  public init(maximumDepth: Int = 64) {
    precondition(maximumDepth >= 0, "A depth is not negative.")
    guard let parser = unsafe csj_parser_create() else { preconditionFailure("Out of memory.") }
    self.maximumDepth = maximumDepth
    unsafe self.parser = unsafe parser
  }

  deinit {
    unsafe csj_parser_destroy(parser)
  }

  /// The root value of one document; space around it is allowed.
  public func parse(_ bytes: [UInt8]) throws(JSONSyntaxError) -> JSONValue {
    try unsafe bytes.withUnsafeBufferPointer { (buffer) throws(JSONSyntaxError) in
      try unsafe parse(UnsafeRawBufferPointer(buffer))
    }
  }

  /// The root value of one document, which is copied: the memory may change afterwards.
  public func parse(_ bytes: UnsafeRawBufferPointer) throws(JSONSyntaxError) -> JSONValue {
    replaceDocumentIfKept()
    let outcome = unsafe csj_parse(
      parser, document.tape, bytes.baseAddress, bytes.count, maximumDepth,
      Self.maximumTokenCount)
    guard outcome.reason == .none else {
      throw unsafe JSONSyntaxError(
        reason: text(of: outcome.reason), offset: outcome.offset, in: bytes)
    }
    return JSONValue(document: document, index: 0)
  }

  /// Values of the last document may still be held, and a huge one must not occupy memory for ever.
  private func replaceDocumentIfKept() {
    if !isKnownUniquelyReferenced(&document) || document.isOversized {
      document = JSONDocument()
    }
  }

  private func text(of reason: csj_reason) -> String {
    switch reason {
    case .none: preconditionFailure("A success has no reason.")
    case .empty: "the document is empty"
    case .byteOrderMark: "a byte order mark is not allowed"
    case .invalidUTF8: "invalid UTF-8"
    case .unclosedString: "a string is not closed"
    case .controlCharacter: "a control character in a string must be escaped"
    case .badEscape: "invalid escape in a string"
    case .loneSurrogate: "a surrogate escape without its other half"
    case .expectedValue: "expected a value"
    case .expectedName: "expected a member name in double quotes"
    case .expectedColon: "expected ':' after a member name"
    case .expectedCommaInArray: "expected ',' or ']' after an element"
    case .expectedCommaInObject: "expected ',' or '}' after a member"
    case .badLiteral: "expected null, true or false"
    case .leadingZero: "a number must not start with a zero"
    case .badNumber: "malformed number"
    case .numberTooLarge: "a number is too large"
    case .tooDeep: "nested deeper than \(maximumDepth) levels"
    case .trailingText: "expected nothing after the value"
    case .tooLong: "the document is too long"
    case .tooManyTokens: JSONSyntaxError.tooManyTokens
    case .outOfMemory: "the document does not fit into memory"
    }
  }
}
