/// Names a user for ever: a 128-bit UUID.
public struct UserID: Hashable, Comparable, Sendable {
  public let high: UInt64
  public let low: UInt64

  public init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  /// A version 4 UUID made of 128 random bits.
  public init(random high: UInt64, _ low: UInt64) {
    self.init(
      high: high & 0xFFFF_FFFF_FFFF_0FFF | 0x4000,
      low: low & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000)
  }

  /// Reads any spelling that contract chat-quota, section 3, accepts, or answers nil.
  ///
  /// Every lower-case `urn:` and `uuid:`, enclosing braces and all hyphens are dropped; exactly 32
  /// hexadecimal digits of either case must remain. Nothing is trimmed.
  public init?(spelling text: String) {
    if let user = Self.canonical(text) {
      self = user
      return
    }
    guard text.utf8.count <= 4096 else { return nil }
    var digits = Array(text.utf8)
    digits = removing("urn:", from: digits)
    digits = removing("uuid:", from: digits)
    var core = digits[...]
    let isBrace = { (byte: UInt8) in byte == UInt8(ascii: "{") || byte == UInt8(ascii: "}") }
    core = core.drop(while: isBrace)
    while let last = core.last, isBrace(last) { core.removeLast() }
    core.removeAll { $0 == UInt8(ascii: "-") }
    guard core.count == 32, let high = hexadecimalWord(core.prefix(16)),
      let low = hexadecimalWord(core.suffix(16))
    else { return nil }
    self.init(high: high, low: low)
  }

  /// Reads the spelling of RFC 9562, 36 characters with hyphens; it is the one that programs send.
  private static func canonical(_ text: String) -> UserID? {
    guard text.utf8.count == 36 else { return nil }
    // One test at the end instead of one for each digit: a service sends this with every call.
    var words: (UInt64, UInt64) = (0, 0)
    var fault: UInt8 = 0
    var place = 0
    for byte in text.utf8 {
      if place == 8 || place == 13 || place == 18 || place == 23 {
        fault |= byte ^ UInt8(ascii: "-")
      } else {
        let digit = hexadecimalDigit(byte)
        fault |= digit & 0xF0
        if place < 18 {
          words.0 = words.0 << 4 | UInt64(digit)
        } else {
          words.1 = words.1 << 4 | UInt64(digit)
        }
      }
      place += 1
    }
    return fault == 0 ? UserID(high: words.0, low: words.1) : nil
  }

  public static func < (left: UserID, right: UserID) -> Bool {
    (left.high, left.low) < (right.high, right.low)
  }
}

/// `bytes` without any occurrence of `pattern`, found from left to right in one pass.
private func removing(_ pattern: StaticString, from bytes: [UInt8]) -> [UInt8] {
  let pattern = Array(pattern.description.utf8)
  var kept: [UInt8] = []
  var index = 0
  while index < bytes.count {
    if bytes[index...].starts(with: pattern) {
      index += pattern.count
    } else {
      kept.append(bytes[index])
      index += 1
    }
  }
  return kept
}

extension UserID: CustomStringConvertible {
  /// The canonical spelling of RFC 9562: lower case, with hyphens.
  public var description: String {
    var digits: [UInt8] = []
    digits.reserveCapacity(36)
    appendHexadecimal(high, to: &digits)
    appendHexadecimal(low, to: &digits)
    for place in [8, 13, 18, 23] { digits.insert(UInt8(ascii: "-"), at: place) }
    return String(decoding: digits, as: UTF8.self)
  }
}
