/// Makes a head of the lines that libcurl hands over one by one, the blank one included.
struct ResponseHeadReader {
  /// The status line and the fields of one answer.
  struct Head {
    let status: Int
    var headers: [(name: String, value: String)] = []
  }

  /// Whether the head of the answer itself has come; what comes later is a trailer.
  private(set) var isComplete = false
  private var head: Head?

  /// Takes a line; yields the head with its last one. Interim answers (1xx) are passed over.
  mutating func take(_ line: [UInt8]) -> Head? {
    guard !isComplete else { return nil }
    let text = Self.trimmed(line[...])
    if text.isEmpty { return endHead() }
    if line.starts(with: "HTTP/".utf8) {
      head = Head(status: Self.status(of: text))
    } else if let first = line.first, Self.isBlank(first) {
      continueField(text)
    } else {
      addField(text)
    }
    return nil
  }

  private mutating func endHead() -> Head? {
    guard let ended = head.take(), !(100..<200).contains(ended.status) else { return nil }
    isComplete = true
    return ended
  }

  private mutating func addField(_ text: ArraySlice<UInt8>) {
    guard let colon = text.firstIndex(of: UInt8(ascii: ":")) else { return }
    let name = String(decoding: text[..<colon], as: UTF8.self).lowercased()
    let value = String(decoding: Self.trimmed(text[(colon + 1)...]), as: UTF8.self)
    head?.headers.append((name, value))
  }

  /// A folded line (RFC 9112, section 5.2) belongs to the field before it.
  private mutating func continueField(_ text: ArraySlice<UInt8>) {
    guard let last = head?.headers.indices.last else { return }
    head?.headers[last].value += " " + String(decoding: text, as: UTF8.self)
  }

  private static func status(of line: ArraySlice<UInt8>) -> Int {
    let parts = line.split(separator: UInt8(ascii: " "), maxSplits: 2)
    return parts.count > 1 ? Int(String(decoding: parts[1], as: UTF8.self)) ?? 0 : 0
  }

  private static func trimmed(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    var text = text
    while let first = text.first, isBlank(first) { text.removeFirst() }
    while let last = text.last, isBlank(last) { text.removeLast() }
    return text
  }

  private static func isBlank(_ byte: UInt8) -> Bool {
    byte == 0x20 || byte == 0x09 || byte == 0x0D || byte == 0x0A
  }
}
