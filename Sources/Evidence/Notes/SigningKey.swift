internal import Encodings

/// The private half of a key that signs notes.
///
/// Nothing that describes or dumps it shows the secret; `secretText` is the only way to have it.
public struct SigningKey: Sendable {
  public let verifyingKey: VerifyingKey
  private let pair: Ed25519

  /// Makes the key pair from 32 random bytes; nil for another number of them.
  public init?(name: KeyName, seed: [UInt8]) {
    guard let pair = Ed25519(seed: seed) else { return nil }
    self.pair = pair
    verifyingKey = VerifyingKey(name: name, publicKey: pair.publicKey)
  }

  /// Reads what `secretText` writes.
  public init(secretText: String) throws(KeyRefusal) {
    guard secretText.utf8.starts(with: Self.prefix.utf8) else { throw .malformed }
    let parts = try KeyParts(secretText.utf8.dropFirst(Self.prefix.utf8.count))
    guard let key = SigningKey(name: parts.name, seed: parts.key) else { throw .encoding }
    guard key.verifyingKey.id == parts.id else { throw .idDiffers }
    self = key
  }

  /// PRIVATE+KEY+NAME+ID+base64(0x01 ‖ seed), as `golang.org/x/mod/sumdb/note` writes it.
  ///
  /// Whoever has it can sign: it belongs in a file that only its owner reads.
  public var secretText: String {
    let secret = Base64.encode([VerifyingKey.kind] + pair.seed)
    return "\(Self.prefix)\(verifyingKey.name)+\(verifyingKey.id)+\(secret)"
  }

  private static let prefix = "PRIVATE+KEY+"

  func sign(_ message: [UInt8]) -> [UInt8] { pair.sign(message) }
}

extension SigningKey: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  public var description: String { "the private key of \(verifyingKey.name)+\(verifyingKey.id)" }

  public var debugDescription: String { description }

  public var customMirror: Mirror { Mirror(self, children: ["verifyingKey": verifyingKey]) }
}
