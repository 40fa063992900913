internal import QuotaModel

/// A limit as clients of the chat-quota contract write one (section 4).
enum LimitText {
  static let integerRequired = "A valid integer is required."
  static let tooLong = "String value too large."
  static let tooSmall = "Ensure this value is greater than or equal to -1."
  static let tooLarge = "Ensure this value is less than or equal to 9007199254740991."

  /// Why a text is no limit, in the contract's words.
  struct Fault: Error, Hashable {
    let text: String
  }

  /// Reads `[sign] digits [. [digits]] [e [sign] digits]` whose value is integral and in range.
  ///
  /// The value is found from the digits; the work grows with the text, never with an exponent.
  static func limit(_ text: some Collection<UInt8>) throws(Fault) -> TokenLimit {
    guard let number = DecimalText(text), let value = number.integer else {
      throw Fault(text: integerRequired)
    }
    switch value {
    case .tooSmall: throw Fault(text: tooSmall)
    case .tooLarge: throw Fault(text: tooLarge)
    case .exactly(let value):
      guard let limit = TokenLimit(value) else {
        throw Fault(text: value < 0 ? tooSmall : tooLarge)
      }
      return limit
    }
  }

  /// A limit in a JSON string or a form: spaces around the number are allowed.
  static func limit(inString text: String) throws(Fault) -> TokenLimit {
    guard text.unicodeScalars.count <= 1000 else { throw Fault(text: tooLong) }
    var core = Array(text.utf8)[...]
    core = core.drop(while: isSpace)
    while let last = core.last, isSpace(last) { core.removeLast() }
    return try limit(core)
  }

  /// The white space of ASCII.
  private static func isSpace(_ byte: UInt8) -> Bool {
    byte == 0x20 || (0x09...0x0D).contains(byte)
  }
}

/// The parts of a decimal number.
struct DecimalText {
  /// An integral value, as far as it matters for a limit.
  enum Value: Hashable {
    case tooSmall
    case exactly(Int64)
    case tooLarge
  }

  private var isNegative = false
  /// All digits without leading zeros.
  private var digits: [UInt8] = []
  /// The power of ten of the last digit; clamped, far beyond every limit.
  private var exponent = 0

  private static let exponentBound = 1_000_000_000

  /// nil where the text is no number by the contract's grammar.
  init?(_ text: some Collection<UInt8>) {
    var rest = ArraySlice(Array(text))
    isNegative = Self.takeSign(&rest)
    let whole = Self.takeDigits(&rest)
    guard !whole.isEmpty else { return nil }
    var fraction: ArraySlice<UInt8> = []
    if rest.first == UInt8(ascii: ".") {
      rest.removeFirst()
      fraction = Self.takeDigits(&rest)
    }
    if rest.first == UInt8(ascii: "e") || rest.first == UInt8(ascii: "E") {
      rest.removeFirst()
      let isNegativeExponent = Self.takeSign(&rest)
      let power = Self.takeDigits(&rest)
      guard !power.isEmpty else { return nil }
      let value = power.reduce(0) { min($0 * 10 + Int($1 - 0x30), Self.exponentBound) }
      exponent = isNegativeExponent ? -value : value
    }
    guard rest.isEmpty else { return nil }
    digits = Array((whole + fraction).drop { $0 == 0x30 })
    exponent -= fraction.count
  }

  /// nil where the value is not integral.
  var integer: Value? {
    guard !digits.isEmpty else { return .exactly(0) }
    let significant = digits.count - digits.reversed().prefix { $0 == 0x30 }.count
    let power = exponent + digits.count - significant
    guard power >= 0 else { return nil }
    guard significant + power <= 18 else { return isNegative ? .tooSmall : .tooLarge }
    var value = digits.prefix(significant).reduce(Int64(0)) { $0 * 10 + Int64($1 - 0x30) }
    for _ in 0..<power { value *= 10 }
    return .exactly(isNegative ? -value : value)
  }

  private static func takeSign(_ rest: inout ArraySlice<UInt8>) -> Bool {
    guard let sign = rest.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") else {
      return false
    }
    rest.removeFirst()
    return sign == UInt8(ascii: "-")
  }

  private static func takeDigits(_ rest: inout ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    let digits = rest.prefix { (0x30...0x39).contains($0) }
    rest = rest.dropFirst(digits.count)
    return digits
  }
}
