/// The value of an ASCII hexadecimal digit of either case, or nil.
func hexadecimalValue(_ byte: UInt8) -> UInt8? {
  switch byte {
  case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
  case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
  case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
  default: nil
  }
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
