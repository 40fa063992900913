/// Why a text is not a key of notes. No case holds any of the text: it may be a private key.
public enum KeyRefusal: Error, Hashable, Sendable {
  /// The parts between the plus signs are not those of such a key.
  case malformed
  /// The name is empty or has a space, a plus sign or a control character.
  case name
  /// The id is not eight lower-case hexadecimal digits.
  case id
  /// The key itself is not canonical base64 of a kind and 32 bytes.
  case encoding
  /// The key is of another kind than Ed25519.
  case unknownKind(UInt8)
  /// The id is not that of this name and key.
  case idDiffers
}

extension KeyRefusal: CustomStringConvertible {
  public var description: String {
    switch self {
    case .malformed: "the text is not a key of the form NAME+ID+KEY"
    case .name: "the name of the key is empty or has a space, a plus sign or a control character"
    case .id: "the id of the key is not eight lower-case hexadecimal digits"
    case .encoding: "the key is not a kind and 32 bytes in base64"
    case .unknownKind(let kind): "the key is of the kind \(kind), and only Ed25519 (1) is known"
    case .idDiffers: "the id is not that of this name and key"
    }
  }
}
