/// Base64 by RFC 4648, section 4.
public enum Base64 {
  private static let alphabet = Array(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
  private static let padding = UInt8(ascii: "=")
  private static let noValue: UInt8 = 0xFF

  /// The value of each letter.
  private static let values: [UInt8] = {
    var values = [UInt8](repeating: noValue, count: 256)
    for (value, letter) in alphabet.enumerated() { values[Int(letter)] = UInt8(value) }
    return values
  }()

  /// The padded text.
  public static func encode(_ bytes: [UInt8]) -> String {
    var text: [UInt8] = []
    text.reserveCapacity((bytes.count + 2) / 3 * 4)
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let present = min(3, bytes.count - start)
      let group = (0..<3).reduce(0) { $0 << 8 | ($1 < present ? Int(bytes[start + $1]) : 0) }
      for place in 0..<4 {
        text.append(place <= present ? alphabet[group >> (18 - 6 * place) & 0x3F] : padding)
      }
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// nil for anything that `encode` does not write: a second text for the same bytes would let a
  /// signature be changed and still hold.
  public static func decode(_ text: some Sequence<UInt8>) -> [UInt8]? {
    let text = Array(text)
    guard text.count.isMultiple(of: 4), let decoded = decode(letters: unpadded(text)),
      decoded.spareBits == 0
    else { return nil }
    return decoded.bytes
  }

  /// The same for what others write: padding may be missing, and the bits behind the last byte are not
  /// looked at.
  public static func decodeLeniently(_ text: some Sequence<UInt8>) -> [UInt8]? {
    let letters = unpadded(Array(text))
    return letters.count % 4 == 1 ? nil : decode(letters: letters)?.bytes
  }

  /// The text without up to two padding characters at its end.
  private static func unpadded(_ text: [UInt8]) -> ArraySlice<UInt8> {
    text.dropLast(text.suffix(2).reversed().prefix { $0 == padding }.count)
  }

  private static func decode(
    letters: ArraySlice<UInt8>
  ) -> (bytes: [UInt8], spareBits: UInt32)? {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(letters.count / 4 * 3 + 2)
    var (bits, bitCount) = (UInt32(0), UInt32(0))
    for letter in letters {
      let value = values[Int(letter)]
      guard value != noValue else { return nil }
      (bits, bitCount) = (bits << 6 | UInt32(value), bitCount + 6)
      guard bitCount >= 8 else { continue }
      bitCount -= 8
      bytes.append(UInt8(truncatingIfNeeded: bits >> bitCount))
    }
    return (bytes, bits & (1 << bitCount - 1))
  }
}
