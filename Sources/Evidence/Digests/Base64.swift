/// Base64 by RFC 4648, section 4: padded, and one text for each row of bytes.
enum Base64 {
  private static let alphabet = Array(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  private static let values: [UInt8] = {
    var values = [UInt8](repeating: 0xFF, count: 256)
    for (value, letter) in alphabet.enumerated() { values[Int(letter)] = UInt8(value) }
    return values
  }()

  static func encode(_ bytes: [UInt8]) -> String {
    var text: [UInt8] = []
    text.reserveCapacity((bytes.count + 2) / 3 * 4)
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let present = min(3, bytes.count - start)
      let group = (0..<3).reduce(0) { $0 << 8 | ($1 < present ? Int(bytes[start + $1]) : 0) }
      for place in 0..<4 {
        let letter = alphabet[group >> (18 - 6 * place) & 0x3F]
        text.append(place <= present ? letter : UInt8(ascii: "="))
      }
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// nil for anything that `encode` does not write: a second text for the same bytes would let a
  /// signature be changed and still hold.
  static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
    guard text.count.isMultiple(of: 4) else { return nil }
    let padding = text.suffix(2).reduce(0) { $0 + ($1 == UInt8(ascii: "=") ? 1 : 0) }
    var bytes: [UInt8] = []
    var (bits, bitCount) = (UInt32(0), 0)
    for letter in text.dropLast(padding) {
      let value = values[Int(letter)]
      guard value != 0xFF else { return nil }
      (bits, bitCount) = (bits << 6 | UInt32(value), bitCount + 6)
      guard bitCount >= 8 else { continue }
      bitCount -= 8
      bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(bitCount)))
    }
    let spareBits = bits & (1 << UInt32(bitCount) - 1)
    return spareBits == 0 ? bytes : nil
  }
}
