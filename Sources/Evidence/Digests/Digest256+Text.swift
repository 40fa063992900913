internal import Encodings

extension Digest256 {
  /// 44 characters, as checkpoints write it (RFC 4648, section 4).
  public var base64: String { Base64.encode(bytes) }

  /// 64 lower-case digits.
  public var hexadecimal: String { Hexadecimal.encode(bytes) }

  /// nil where the text is not canonical base64 of 32 bytes.
  public init?(base64: String) {
    guard let bytes = Base64.decode(base64.utf8) else { return nil }
    self.init(bytes: bytes)
  }

  /// nil where the text is not 64 hexadecimal digits; capitals are read too.
  public init?(hexadecimal: String) {
    guard let bytes = Hexadecimal.decode(hexadecimal.utf8) else { return nil }
    self.init(bytes: bytes)
  }
}

extension Digest256: CustomStringConvertible {
  public var description: String { hexadecimal }
}
