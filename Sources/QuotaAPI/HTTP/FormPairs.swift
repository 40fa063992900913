/// The pairs of a query or of an `application/x-www-form-urlencoded` body, in order.
///
/// `+` is a space, percent escapes are bytes of UTF-8, bytes that are not become U+FFFD.
struct FormPairs {
  private let pairs: [(name: String, value: String)]

  init(_ bytes: some Collection<UInt8>) {
    pairs = bytes.split(separator: UInt8(ascii: "&")).map { part in
      let name = part.prefix { $0 != UInt8(ascii: "=") }
      return (decodePercent(name), decodePercent(part.dropFirst(name.count + 1)))
    }
  }

  init(query: String?) { self.init(Array((query ?? "").utf8)) }

  /// The value of the last pair of that name, or nil.
  subscript(name: String) -> String? { pairs.last { $0.name == name }?.value }

  /// The values of all pairs of that name, in their order.
  func values(_ name: String) -> [String] { pairs.filter { $0.name == name }.map(\.value) }
}

/// Bytes in which `+` and percent escapes stand for others, as text.
func decodePercent(_ bytes: some Collection<UInt8>, plusIsSpace: Bool = true) -> String {
  var decoded: [UInt8] = []
  decoded.reserveCapacity(bytes.count)
  var rest = bytes[...]
  while let byte = rest.popFirst() {
    let digits = rest.prefix(2)
    if byte == UInt8(ascii: "%"), digits.count == 2,
      let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 16),
      digits.allSatisfy({ $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "-") })
    {
      decoded.append(value)
      rest = rest.dropFirst(2)
    } else {
      decoded.append(plusIsSpace && byte == UInt8(ascii: "+") ? UInt8(ascii: " ") : byte)
    }
  }
  return String(decoding: decoded, as: UTF8.self)
}
