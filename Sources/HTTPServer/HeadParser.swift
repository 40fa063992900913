import CHTTPParser

/// Takes heads apart by http-parser. Nothing outside this file knows of that library.
///
/// It is given complete heads that ``HeadScanner`` has passed, one at a time and afresh, so nothing
/// of an earlier request can leak into a later one. Bodies never reach it.
@safe struct HeadParser {
  private var settings = http_parser_settings()

  init() {
    unsafe settings.on_url = { parser, start, length in
      unsafe HeadParts.of(parser) { $0.target = unsafe $0.range(start, length) }
    }
    unsafe settings.on_header_field = { parser, start, length in
      unsafe HeadParts.of(parser) { parts in
        let name = unsafe parts.range(start, length)
        parts.fields.append(HTTPHeaders.Field(name: name, value: name.upperBound..<name.upperBound))
      }
    }
    unsafe settings.on_header_value = { parser, start, length in
      unsafe HeadParts.of(parser) { parts in
        let value = unsafe parts.range(start, length)
        parts.fields[parts.fields.count - 1].value = value
      }
    }
  }

  /// Parses `text`, which is one complete head, its final empty line included.
  func parse(_ text: [UInt8]) throws(Refusal) -> ParsedHead {
    var parser = unsafe http_parser()
    unsafe http_parser_init(&parser, HTTP_REQUEST)
    var parts = HeadParts()
    let parsed = unsafe withUnsafeMutablePointer(to: &parts) { parts in
      unsafe parser.data = UnsafeMutableRawPointer(parts)
      return unsafe text.withUnsafeBytes { bytes in
        unsafe parts.pointee.start = Int(bitPattern: bytes.baseAddress)
        let characters = unsafe bytes.assumingMemoryBound(to: CChar.self).baseAddress
        return unsafe withUnsafePointer(to: settings) { settings in
          unsafe http_parser_execute(&parser, settings, characters, text.count)
        }
      }
    }
    let code = unsafe http_errno(parser.http_errno)
    guard code == HPE_OK, parsed == text.count else { throw Self.refusal(code) }
    return unsafe ParsedHead(
      target: parts.target, fields: parts.fields,
      majorVersion: Int(parser.http_major), minorVersion: Int(parser.http_minor),
      contentLength: parser.content_length == .max ? nil : parser.content_length,
      keepsAlive: http_should_keep_alive(&parser) != 0)
  }

  private static func refusal(_ code: http_errno) -> Refusal {
    switch code {
    case HPE_INVALID_METHOD: .notImplemented("this method")
    case HPE_INVALID_VERSION: .malformed("no HTTP version it could have")
    case HPE_HEADER_OVERFLOW: .headTooLarge
    case HPE_INVALID_URL: .malformed("no request target it could have")
    case HPE_INVALID_CONTENT_LENGTH, HPE_UNEXPECTED_CONTENT_LENGTH:
      .malformed("its length is not certain")
    case HPE_INVALID_TRANSFER_ENCODING: .malformed("its transfer coding does not end it")
    default: .malformed("not HTTP")
    }
  }
}

/// What http-parser found in a head; ranges are of the head's text.
struct ParsedHead {
  var target: Range<Int>
  var fields: [HTTPHeaders.Field]
  var majorVersion: Int
  var minorVersion: Int
  var contentLength: UInt64?
  /// By version and `Connection`, whether another request may follow.
  var keepsAlive: Bool
}

/// What the callbacks gather.
private struct HeadParts {
  var start = 0
  var target = 0..<0
  var fields: [HTTPHeaders.Field] = []

  init() {
    fields.reserveCapacity(8)
  }

  func range(_ first: UnsafePointer<CChar>?, _ length: Int) -> Range<Int> {
    let offset = Int(bitPattern: first) - start
    return offset..<(offset + length)
  }

  /// Runs `body` on the parts that belong to the parser, and has it go on.
  static func of(
    _ parser: UnsafeMutablePointer<http_parser>?, _ body: (inout HeadParts) -> Void
  ) -> Int32 {
    guard let data = unsafe parser?.pointee.data else { return 1 }
    unsafe body(&data.assumingMemoryBound(to: HeadParts.self).pointee)
    return 0
  }
}
