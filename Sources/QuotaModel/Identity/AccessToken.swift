/// Names an issued access token without being it: 64 random bits.
public struct TokenID: Hashable, Comparable, Sendable {
  public let rawValue: UInt64

  public init(_ rawValue: UInt64) { self.rawValue = rawValue }

  /// Reads 16 hexadecimal digits, or answers nil.
  public init?(text: String) {
    guard let rawValue = hexadecimalWord(Array(text.utf8)) else { return nil }
    self.init(rawValue)
  }

  public static func < (left: TokenID, right: TokenID) -> Bool { left.rawValue < right.rawValue }
}

extension TokenID: CustomStringConvertible {
  public var description: String {
    var digits: [UInt8] = []
    appendHexadecimal(rawValue, to: &digits)
    return String(decoding: digits, as: UTF8.self)
  }
}

/// The SHA-256 digest of an access token; the token itself is shown once and never stored.
public struct TokenDigest: Hashable, Sendable {
  /// Big-endian words, so that their hexadecimal text is the digest's usual spelling.
  public let words: (UInt64, UInt64, UInt64, UInt64)

  public init(_ words: (UInt64, UInt64, UInt64, UInt64)) { self.words = words }

  /// Reads 64 hexadecimal digits, or answers nil.
  public init?(text: String) {
    let digits = Array(text.utf8)
    guard digits.count == 64, let first = hexadecimalWord(digits[0..<16]),
      let second = hexadecimalWord(digits[16..<32]), let third = hexadecimalWord(digits[32..<48]),
      let fourth = hexadecimalWord(digits[48..<64])
    else { return nil }
    self.init((first, second, third, fourth))
  }

  public static func == (left: TokenDigest, right: TokenDigest) -> Bool {
    left.words == right.words
  }

  public func hash(into hasher: inout Hasher) { hasher.combine(words.0) }
}

extension TokenDigest: CustomStringConvertible {
  public var description: String {
    var digits: [UInt8] = []
    for word in [words.0, words.1, words.2, words.3] { appendHexadecimal(word, to: &digits) }
    return String(decoding: digits, as: UTF8.self)
  }
}
