/// How the writer appends: room is made once per token, and its bytes go there by pointer.
extension [UInt8] {
  /// Appends what `write` puts at the address it gets, at most `limit` bytes; it returns how many.
  @inline(__always)
  private mutating func append(
    atMost limit: Int, _ write: (UnsafeMutablePointer<UInt8>) -> Int
  ) {
    append(addingCapacity: limit) { span in
      unsafe span.withUnsafeMutableBufferPointer { buffer, count in
        guard let start = buffer.baseAddress else { return }
        count = unsafe write(start)
      }
    }
  }

  /// Appends a string or a name, quoted, with what stands around it.
  mutating func appendQuoted(
    _ text: UnsafeBufferPointer<UInt8>, afterComma: Bool, beforeColon: Bool
  ) {
    guard unsafe plainEnd(of: text, from: 0) == text.count else {
      if afterComma { append(UInt8(ascii: ",")) }
      unsafe appendEscaped(text)
      if beforeColon { append(UInt8(ascii: ":")) }
      return
    }
    unsafe append(atMost: text.count + 4) { start in
      var end = unsafe start
      if afterComma { unsafe put(UInt8(ascii: ","), &end) }
      unsafe put(UInt8(ascii: "\""), &end)
      if let source = text.baseAddress {
        unsafe end.update(from: source, count: text.count)
        unsafe end += text.count
      }
      unsafe put(UInt8(ascii: "\""), &end)
      if beforeColon { unsafe put(UInt8(ascii: ":"), &end) }
      return unsafe end - start
    }
  }

  private mutating func appendEscaped(_ text: UnsafeBufferPointer<UInt8>) {
    append(UInt8(ascii: "\""))
    var start = 0
    while true {
      let end = unsafe plainEnd(of: text, from: start)
      unsafe append(contentsOf: text[start..<end])
      guard end < text.count else { break }
      unsafe appendEscape(of: text[end])
      start = end + 1
    }
    append(UInt8(ascii: "\""))
  }

  private mutating func appendEscape(of byte: UInt8) {
    append(UInt8(ascii: "\\"))
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"): append(byte)
    case 0x08: append(UInt8(ascii: "b"))
    case 0x09: append(UInt8(ascii: "t"))
    case 0x0A: append(UInt8(ascii: "n"))
    case 0x0C: append(UInt8(ascii: "f"))
    case 0x0D: append(UInt8(ascii: "r"))
    default:
      append(contentsOf: "u00".utf8)
      append(hexDigit(byte >> 4))
      append(hexDigit(byte & 0xF))
    }
  }

  mutating func appendDecimal(_ magnitude: UInt64, isNegative: Bool, afterComma: Bool) {
    unsafe append(atMost: 22) { start in
      var end = unsafe start
      if afterComma { unsafe put(UInt8(ascii: ","), &end) }
      if isNegative { unsafe put(UInt8(ascii: "-"), &end) }
      unsafe end += decimalLength(of: magnitude)
      unsafe putDigits(of: magnitude, before: end)
      return unsafe end - start
    }
  }
}

@inline(__always)
private func put(_ byte: UInt8, _ end: inout UnsafeMutablePointer<UInt8>) {
  unsafe end.pointee = byte
  unsafe end += 1
}

private func hexDigit(_ nibble: UInt8) -> UInt8 {
  nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") + nibble - 10
}

private func decimalLength(of value: UInt64) -> Int {
  var length = 0
  var rest = value
  while rest >= 10_000 {
    rest /= 10_000
    length += 4
  }
  return length + (rest < 10 ? 1 : rest < 100 ? 2 : rest < 1_000 ? 3 : 4)
}

/// Divisions are what a number costs, so each of them yields two digits.
@inline(__always)
private func putDigits(of value: UInt64, before end: UnsafeMutablePointer<UInt8>) {
  let pairs = unsafe digitPairs.utf8Start
  var digits = unsafe end
  var rest = value
  while rest >= 10 {
    let pair = Int(rest % 100) * 2
    rest /= 100
    unsafe digits -= 2
    unsafe digits.update(from: pairs + pair, count: 2)
  }
  guard rest > 0 || value == 0 else { return }
  unsafe digits -= 1
  unsafe digits.pointee = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest)
}

/// 00 to 99.
private let digitPairs: StaticString = """
  00010203040506070809101112131415161718192021222324252627282930313233343536373839\
  40414243444546474849505152535455565758596061626364656667686970717273747576777879\
  8081828384858687888990919293949596979899
  """

/// Where the first byte that must be escaped lies at or after `start`; the text's end without one.
private func plainEnd(of text: UnsafeBufferPointer<UInt8>, from start: Int) -> Int {
  let bytes = UnsafeRawBufferPointer(text)
  var offset = start
  while offset + 8 <= bytes.count {
    let word = unsafe bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
    let marks = escapeMarks(of: UInt64(littleEndian: word))
    guard marks == 0 else { return offset + marks.trailingZeroBitCount / 8 }
    offset += 8
  }
  while offset < bytes.count, unsafe !needsEscape(bytes[offset]) { offset += 1 }
  return offset
}

private func needsEscape(_ byte: UInt8) -> Bool {
  byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
}

/// Marks, by its top bit, the first of eight bytes that must be escaped; marks above it may be wrong.
///
/// Subtracting `n` from a byte below `n` sets its top bit, which no byte of ASCII has; the borrow
/// can only disturb the bytes above.
private func escapeMarks(of word: UInt64) -> UInt64 {
  let ones: UInt64 = 0x0101_0101_0101_0101
  let quotes = word ^ (ones &* 0x22)
  let backslashes = word ^ (ones &* 0x5C)
  let controls = (word &- ones &* 0x20) & ~word
  return ones &* 0x80
    & (controls | (quotes &- ones) & ~quotes | (backslashes &- ones) & ~backslashes)
}
