internal import Encodings

extension SignedNote {
  /// Reads what `string` writes; nothing is verified.
  public init(parsing bytes: [UInt8]) throws(NoteRefusal) {
    guard bytes.count <= Self.byteLimit else { throw .tooLong(byteCount: bytes.count) }
    guard bytes.allSatisfy({ $0 >= 0x20 || $0 == 0x0A }) else { throw .controlCharacter }
    guard let string = String(validating: bytes, as: UTF8.self) else { throw .notUTF8 }
    guard bytes.last == 0x0A, let end = Self.endOfText(in: bytes) else { throw .malformed }
    let text = try NoteText(String(string.utf8.prefix(end)) ?? "")
    self.init(text, signatures: try Self.signatures(in: bytes[(end + 1)...]))
  }

  public init(parsing string: String) throws(NoteRefusal) {
    try self.init(parsing: Array(string.utf8))
  }

  /// The place of the last empty line, which parts text and signatures.
  private static func endOfText(in bytes: [UInt8]) -> Int? {
    bytes.indices.dropFirst().last { bytes[$0] == 0x0A && bytes[$0 - 1] == 0x0A }
  }

  private static func signatures(
    in lines: ArraySlice<UInt8>
  ) throws(NoteRefusal) -> [NoteSignature] {
    guard !lines.isEmpty else { throw .malformed }
    let lines = lines.dropLast().split(separator: 0x0A, omittingEmptySubsequences: false)
    guard lines.count <= signatureLimit else { throw .tooManySignatures }
    var signatures: [NoteSignature] = []
    for line in lines {
      guard let signature = NoteSignature(line: line) else {
        throw .malformedSignature(signatures.count + 1)
      }
      signatures.append(signature)
    }
    return signatures
  }
}

extension NoteSignature {
  private static let dash = "— "

  /// Dash, name, and base64 of the key's id and the signature.
  var line: String { "\(Self.dash)\(name) \(Base64.encode(id.bytes + bytes))" }

  init?(line: ArraySlice<UInt8>) {
    guard line.starts(with: Self.dash.utf8) else { return nil }
    let parts = line.dropFirst(Self.dash.utf8.count)
      .split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
    guard parts.count == 2, let name = KeyName(String(decoding: parts[0], as: UTF8.self)),
      let content = Base64.decode(parts[1]), content.count > 4
    else { return nil }
    self.init(name: name, id: KeyID(bytes: content), bytes: Array(content.dropFirst(4)))
  }
}
