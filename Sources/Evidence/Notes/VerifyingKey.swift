internal import Encodings

/// The public half of a key that signs notes, with its name.
public struct VerifyingKey: Hashable, Sendable {
  public let name: KeyName
  public let id: KeyID
  /// 32 bytes (RFC 8032).
  public let publicKey: [UInt8]

  /// The signature type of Ed25519 in C2SP `signed-note`.
  static let kind: UInt8 = 1

  init(name: KeyName, publicKey: [UInt8]) {
    precondition(publicKey.count == Ed25519.keyByteCount, "an Ed25519 key has 32 bytes")
    (self.name, self.publicKey) = (name, publicKey)
    id = .of(name, encodedKey: [Self.kind] + publicKey)
  }

  /// NAME+ID+base64(0x01 ‖ key), as `golang.org/x/mod/sumdb/note` writes it.
  public var text: String { "\(name)+\(id)+\(Base64.encode([Self.kind] + publicKey))" }

  public init(text: String) throws(KeyRefusal) {
    let parts = try KeyParts(text.utf8[...])
    self.init(name: parts.name, publicKey: parts.key)
    guard id == parts.id else { throw .idDiffers }
  }

  /// Whether the key's owner signed `message`.
  func accepts(_ signature: [UInt8], of message: [UInt8]) -> Bool {
    Ed25519.isValid(signature, of: message, publicKey: publicKey)
  }
}

/// NAME+ID+KEY taken apart, for either half of a key.
struct KeyParts {
  let name: KeyName
  let id: KeyID
  let key: [UInt8]

  init(_ text: Substring.UTF8View) throws(KeyRefusal) {
    // Base64 has plus signs of its own.
    let parts = text.split(
      separator: UInt8(ascii: "+"), maxSplits: 2, omittingEmptySubsequences: false)
    guard parts.count == 3 else { throw .malformed }
    guard let name = KeyName(String(decoding: parts[0], as: UTF8.self)) else { throw .name }
    guard let id = Hexadecimal.decode(parts[1]), id.count == 4,
      Hexadecimal.encode(id).utf8.elementsEqual(parts[1])
    else { throw .id }
    guard let encoded = Base64.decode(parts[2]), let kind = encoded.first else {
      throw .encoding
    }
    guard kind == VerifyingKey.kind else { throw .unknownKind(kind) }
    guard encoded.count == 1 + Ed25519.keyByteCount else { throw .encoding }
    (self.name, self.id, key) = (name, KeyID(bytes: id), Array(encoded.dropFirst()))
  }
}
