import Glibc

/// The byte classes of RFC 9110, section 5.6, as far as requests need them.
extension UInt8 {
  static let space = UInt8(ascii: " ")
  static let tab = UInt8(ascii: "\t")
  static let carriageReturn = UInt8(ascii: "\r")
  static let lineFeed = UInt8(ascii: "\n")

  /// May be part of a method or a field name.
  var isToken: Bool {
    isMember(0x03FF_6CFA_0000_0000, 0x57FF_FFFF_C7FF_FFFE)
  }

  /// May be part of a host and port (RFC 3986, section 3.2), but for the comma, which would make a
  /// list of them.
  var isHostCharacter: Bool {
    isMember(0x2FFF_6FF2_0000_0000, 0x47FF_FFFE_AFFF_FFFE)
  }

  /// Whether the bit of this ASCII character is set, in `low` for the first 64 of them.
  private func isMember(_ low: UInt64, _ high: UInt64) -> Bool {
    self < 128 && (self < 64 ? low : high) & (1 << UInt64(self & 63)) != 0
  }

  /// May be part of a field value: anything but control characters other than the tab.
  var isFieldContent: Bool { self >= 0x20 && self != 0x7F || self == .tab }

  /// May be part of a request target: printable ASCII.
  var isVisible: Bool { self > 0x20 && self < 0x7F }

  var isBlank: Bool { self == .space || self == .tab }

  var isDigit: Bool { self >= UInt8(ascii: "0") && self <= UInt8(ascii: "9") }

  /// The value of a hexadecimal digit.
  var hexadecimalValue: Int? {
    switch self {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): Int(self - UInt8(ascii: "0"))
    case UInt8(ascii: "a")...UInt8(ascii: "f"): Int(self - UInt8(ascii: "a")) + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): Int(self - UInt8(ascii: "A")) + 10
    default: nil
    }
  }
}

extension Span<UInt8> {
  /// Where the first line feed at or after `start` is.
  func firstLineFeed(from start: Int) -> Int? {
    guard start < count else { return nil }
    return unsafe withUnsafeBytes { bytes in
      guard let base = bytes.baseAddress,
        let found = unsafe memchr(base + start, Int32(UInt8.lineFeed), bytes.count - start)
      else { return nil }
      return unsafe UnsafeRawPointer(found) - base
    }
  }

  /// A copy of a part.
  func bytes(_ range: Range<Int>) -> [UInt8] {
    unsafe extracting(range).withUnsafeBufferPointer { unsafe Array($0) }
  }
}

extension [UInt8] {
  mutating func append(_ bytes: Span<UInt8>, from start: Int, to end: Int) {
    unsafe bytes.extracting(start..<end).withUnsafeBufferPointer {
      unsafe append(contentsOf: $0)
    }
  }
}
