/// A text with signatures of named keys (C2SP `signed-note`).
///
/// Until `verify` has passed, its text is only what somebody claims.
public struct SignedNote: Hashable, Sendable {
  public let text: NoteText
  public private(set) var signatures: [NoteSignature]

  /// Longer notes and more signatures are refused before anything is computed for them.
  public static let byteLimit = 1 << 20
  public static let signatureLimit = 100

  public init(_ text: NoteText, signedBy key: SigningKey) {
    (self.text, signatures) = (text, [])
    sign(with: key)
  }

  init(_ text: NoteText, signatures: [NoteSignature]) {
    (self.text, self.signatures) = (text, signatures)
  }

  public mutating func sign(with key: SigningKey) {
    signatures.append(
      NoteSignature(
        name: key.verifyingKey.name, id: key.verifyingKey.id,
        bytes: key.sign(Array(text.string.utf8))))
  }

  /// The note as it is stored and sent.
  public var string: String {
    text.string + "\n" + signatures.map { "\($0.line)\n" }.joined()
  }

  /// The keys of `known` that signed; throws if there are none and if one of them did not sign what
  /// it is said to have signed. Signatures of other keys do not matter.
  @discardableResult
  public func verify(with known: [VerifyingKey]) throws(NoteRefusal) -> [VerifyingKey] {
    let message = Array(text.string.utf8)
    var signers: [VerifyingKey] = []
    for signature in signatures {
      guard let key = try signature.key(among: known) else { continue }
      guard key.accepts(signature.bytes, of: message) else {
        throw .wrongSignature(key.name, key.id)
      }
      if !signers.contains(key) { signers.append(key) }
    }
    guard !signers.isEmpty else { throw .unknownKeys }
    return signers
  }
}

/// Text that can be signed: UTF-8 without control characters, of whole lines.
public struct NoteText: Hashable, Sendable {
  public let string: String

  public init(_ string: String) throws(NoteRefusal) {
    guard string.utf8.count <= SignedNote.byteLimit else {
      throw .tooLong(byteCount: string.utf8.count)
    }
    guard string.utf8.allSatisfy({ $0 >= 0x20 || $0 == 0x0A }) else { throw .controlCharacter }
    guard string.utf8.last == 0x0A else { throw .malformed }
    self.string = string
  }
}

/// What one key says about a text.
public struct NoteSignature: Hashable, Sendable {
  public let name: KeyName
  public let id: KeyID
  public let bytes: [UInt8]

  fileprivate func key(
    among known: [VerifyingKey]
  ) throws(NoteRefusal) -> VerifyingKey? {
    let named = Set(known.filter { $0.name == name && $0.id == id })
    guard named.count <= 1 else { throw .ambiguousKey(name, id) }
    return named.first
  }
}
