/// The value of an ASCII hexadecimal digit of either case, or nil.
func hexadecimalValue(_ byte: UInt8) -> UInt8? {
  let digit = hexadecimalDigit(byte)
  return digit < 16 ? digit : nil
}

/// The value of an ASCII hexadecimal digit of either case, or 0xFF.
func hexadecimalDigit(_ byte: UInt8) -> UInt8 {
  let number = byte &- UInt8(ascii: "0")
  if number < 10 { return number }
  let letter = (byte | 0x20) &- UInt8(ascii: "a")
  return letter < 6 ? letter + 10 : 0xFF
}

/// Reads exactly 16 digits from `digits`, or nil.
func hexadecimalWord(_ digits: some Collection<UInt8>) -> UInt64? {
  guard digits.count == 16 else { return nil }
  var word: UInt64 = 0
  for digit in digits {
    guard let value = hexadecimalValue(digit) else { return nil }
    word = word << 4 | UInt64(value)
  }
  return word
}

/// Appends the 16 lower-case digits of `word`.
func appendHexadecimal(_ word: UInt64, to bytes: inout [UInt8]) {
  for shift in stride(from: 60, through: 0, by: -4) {
    let digit = UInt8(word >> UInt64(shift) & 0xF)
    bytes.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
  }
}
