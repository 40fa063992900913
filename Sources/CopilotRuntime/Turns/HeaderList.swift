internal import JSON

/// Header fields as an object of texts; names come out in lower case.
enum HeaderList {
  /// Far more than any endpoint takes.
  private static let maximumCount = 100
  private static let maximumByteCount = 16_384

  static func read(
    _ json: JSONValue?, _ name: String
  ) throws(CallFault) -> [(name: String, value: String)] {
    guard let json else { return [] }
    guard json.kind == .object else { throw .text("\(name) must be an object") }
    guard json.count <= maximumCount, json.sourceText.count <= maximumByteCount else {
      throw .text(
        "\(name) must have at most \(maximumCount) fields and \(maximumByteCount) bytes")
    }
    var headers: [(name: String, value: String)] = []
    for (field, value) in json.members {
      guard let text = value.string else { throw .text("\(name).\(field) must be a string") }
      guard isFieldName(field), !text.utf8.contains(where: { $0 < 0x20 && $0 != 9 || $0 == 0x7F })
      else { throw .text("\(name).\(field) is no header field") }
      headers.append((name: field.lowercased(), value: text))
    }
    return headers
  }

  private static func isFieldName(_ text: String) -> Bool {
    !text.isEmpty
      && text.utf8.allSatisfy { byte in
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte)
          || (0x61...0x7A).contains(byte) || "!#$%&'*+-.^_`|~".utf8.contains(byte)
      }
  }
}
