/// The name of a key that signs notes, by custom a URL without its scheme.
public struct KeyName: Hashable, Sendable {
  public let text: String

  /// nil for an empty name and for one with a space, a plus sign or a control character.
  public init?(_ text: String) {
    guard !text.isEmpty, text.unicodeScalars.allSatisfy(Self.isAllowed) else { return nil }
    self.text = text
  }

  private static func isAllowed(_ scalar: Unicode.Scalar) -> Bool {
    scalar.value >= 0x20 && scalar != "+" && !scalar.properties.isWhitespace
  }

  // Bytes are compared: to Swift, texts that Unicode calls equivalent are equal.
  public static func == (left: KeyName, right: KeyName) -> Bool {
    left.text.utf8.elementsEqual(right.text.utf8)
  }

  public func hash(into hasher: inout Hasher) {
    for byte in text.utf8 { hasher.combine(byte) }
  }
}

extension KeyName: CustomStringConvertible {
  public var description: String { text }
}

/// Tells the keys of one name apart: the first four bytes of a hash over name and key.
public struct KeyID: Hashable, Sendable, CustomStringConvertible {
  public let number: UInt32

  public init(_ number: UInt32) { self.number = number }

  init(bytes: some Collection<UInt8>) {
    number = bytes.prefix(4).reduce(0) { $0 << 8 | UInt32($1) }
  }

  /// SHA-256(name ‖ 0x0A ‖ kind ‖ key), as C2SP `signed-note` recommends.
  static func of(_ name: KeyName, encodedKey: [UInt8]) -> KeyID {
    var hasher = TreeHasher()
    let bytes = Array(name.text.utf8) + [0x0A] + encodedKey
    let digest = unsafe hasher.plain(bytes.span.bytes)
    return KeyID(UInt32(truncatingIfNeeded: digest.words.first >> 32))
  }

  var bytes: [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: number >> (24 - 8 * $0)) } }

  /// Eight lower-case digits.
  public var description: String { Hexadecimal.encode(bytes) }
}
