import Evidence
import Testing

/// The key and the note of the tests of `golang.org/x/mod/sumdb/note`.
enum GoNote {
  static let verifyingKey = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
  static let signingKey =
    "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
  static let text =
    "If you think cryptography is the answer to your problem,\n"
    + "then you don't know what your problem is.\n"
  static let signature =
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6"
    + "KE6RyyBwJnAM=\n"
  static let note = text + "\n" + signature
}

extension SigningKey {
  /// The key pair whose seed is this byte again and again.
  static func example(_ name: String, _ byte: UInt8 = 7) throws -> SigningKey {
    let name = try #require(KeyName(name))
    return try #require(SigningKey(name: name, seed: [UInt8](repeating: byte, count: 32)))
  }
}

@Suite struct `A key of notes` {
  @Test func `is written as Go's note package writes it`() throws {
    let key = try SigningKey(secretText: GoNote.signingKey)
    #expect(key.secretText == GoNote.signingKey)
    #expect(key.verifyingKey.text == GoNote.verifyingKey)
    #expect(try VerifyingKey(text: GoNote.verifyingKey) == key.verifyingKey)
  }

  @Test func `has the public key of RFC 8032, section 7.1, test 1`() throws {
    let name = try #require(KeyName("rfc8032"))
    let seed = try #require(
      Digest256(hexadecimal: "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"))
    let key = try #require(SigningKey(name: name, seed: seed.bytes))
    #expect(
      Digest256(bytes: key.verifyingKey.publicKey)?.hexadecimal
        == "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
  }

  @Test func `is refused in part and with any byte changed`() {
    let bytes = Array(GoNote.verifyingKey.utf8)
    for start in bytes.indices {
      for end in start...bytes.count where end - start < bytes.count {
        #expect(throws: KeyRefusal.self) {
          try VerifyingKey(text: String(decoding: bytes[start..<end], as: UTF8.self))
        }
      }
      var changed = bytes
      changed[start] += 1
      #expect(throws: KeyRefusal.self) {
        try VerifyingKey(text: String(decoding: changed, as: UTF8.self))
      }
    }
  }

  @Test(arguments: [
    ("PeterNeumann", KeyRefusal.malformed),
    ("+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", .name),
    ("Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", .name),
    ("PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", .id),
    ("PeterNeumann+c74f20a+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", .id),
    ("PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", .idDiffers),
    ("PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", .unknownKind(0x65)),
    ("PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==", .encoding),
    ("PeterNeumann+c74f20a3+", .encoding),
  ])
  func `is refused with the reason`(text: String, refusal: KeyRefusal) {
    #expect(throws: refusal) { try VerifyingKey(text: text) }
    #expect(throws: refusal) {
      try SigningKey(secretText: "PRIVATE+KEY+" + text)
    }
    #expect(throws: KeyRefusal.malformed) { try SigningKey(secretText: text) }
  }

  @Test func `needs a seed of 32 bytes and a name without spaces`() throws {
    let name = try #require(KeyName("example.com/log"))
    #expect(SigningKey(name: name, seed: [UInt8](repeating: 0, count: 31)) == nil)
    #expect(SigningKey(name: name, seed: [UInt8](repeating: 0, count: 33)) == nil)
    for text in ["", "a b", "a+b", "a\u{A0}b", "a\nb", "a\u{2003}", "a\u{1}"] {
      #expect(KeyName(text) == nil)
    }
  }

  @Test func `never shows its secret when it is described or dumped`() throws {
    let key = try SigningKey(secretText: GoNote.signingKey)
    var dumped = ""
    dump(key, to: &dumped)
    let secret = ["129", "10", "20"]
    for text in ["\(key)", String(reflecting: key), "\([key])", dumped] {
      #expect(text.contains("PeterNeumann"))
      #expect(!text.contains("AYEKFALV") && !text.contains("810a14"))
      #expect(text.split { !$0.isNumber }.firstRange(of: secret.map { $0[...] }) == nil)
    }
  }
}

@Suite struct `A signed note` {
  @Test func `is signed as Go's note package signs it`() throws {
    let note = SignedNote(
      try NoteText(GoNote.text), signedBy: try SigningKey(secretText: GoNote.signingKey))
    #expect(note.string == GoNote.note)
  }

  @Test(arguments: [
    (GoNote.verifyingKey, GoNote.note),
    (
      "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
      "This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONnc"
        + "AlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
    ),
  ])
  func `of others is verified`(key: String, note: String) throws {
    let (key, note) = (try VerifyingKey(text: key), try SignedNote(parsing: note))
    #expect(try note.verify(with: [key]) == [key])
  }

  @Test func `comes back as it was written, also with empty lines in its text`() throws {
    let key = try SigningKey.example("example.com/log")
    for text in ["\n", "a\n", "a\n\nb\n", "a\n\n", "\n\n\n", "ed è subito sera\n"] {
      let note = SignedNote(try NoteText(text), signedBy: key)
      let read = try SignedNote(parsing: note.string)
      #expect(read == note && read.text.string == text)
      try read.verify(with: [key.verifyingKey])
    }
  }

  @Test func `needs one known key that signed, and no known one that did not`() throws {
    let (ours, theirs) = (
      try SigningKey.example("example.com/log"), try SigningKey.example("witness", 9)
    )
    var note = SignedNote(try NoteText("text\n"), signedBy: ours)
    #expect(throws: NoteRefusal.unknownKeys) { try note.verify(with: []) }
    #expect(throws: NoteRefusal.unknownKeys) { try note.verify(with: [theirs.verifyingKey]) }
    note.sign(with: theirs)
    let known = [ours.verifyingKey, theirs.verifyingKey]
    #expect(try note.verify(with: known) == known)
    let forged = try SignedNote(
      parsing: note.string.replacingFirst("text\n", with: "test\n"))
    #expect(
      throws: NoteRefusal.wrongSignature(ours.verifyingKey.name, ours.verifyingKey.id)
    ) { try forged.verify(with: known) }
  }

  @Test func `is refused when it was signed by another key of the same name`() throws {
    let (ours, namesake) = (
      try SigningKey.example("example.com/log"), try SigningKey.example("example.com/log", 9)
    )
    let note = SignedNote(try NoteText("text\n"), signedBy: ours)
    #expect(throws: NoteRefusal.unknownKeys) { try note.verify(with: [namesake.verifyingKey]) }
  }

  @Test func `is refused when two known keys have its name and id`() throws {
    // Found by trying some ten thousand keys.
    let keys = [
      try VerifyingKey(text: "a+a06fc73f+AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAP7L"),
      try VerifyingKey(text: "a+a06fc73f+AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAQYL"),
    ]
    let note = try SignedNote(
      parsing: "text\n\n— a oG/HPwAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
        + "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n")
    #expect(throws: NoteRefusal.ambiguousKey(keys[0].name, keys[0].id)) {
      try note.verify(with: keys)
    }
    #expect(throws: NoteRefusal.wrongSignature(keys[0].name, keys[0].id)) {
      try note.verify(with: [keys[0], keys[0]])
    }
  }

  static let line = "— a AAAAAAA=\n"

  static let malformed: [(String, NoteRefusal)] = [
    ("", NoteRefusal.malformed), ("text", .malformed), ("text\n", .malformed),
    ("text\n\n", .malformed), ("text\n\(line)", .malformed),
    ("\n\(line)", .malformed), ("text\n\n— a AAAAAAA=", .malformed),
    ("text\n\n\(line)\n", .malformed),
    ("te\u{1}xt\n\n\(line)", .controlCharacter), ("te\r\nxt\n\n\(line)", .controlCharacter),
    ("text\n\n- a AAAAAAA=\n", .malformedSignature(1)),
    ("text\n\n\(line)— a AAAAAA==\n", .malformedSignature(2)),
    ("text\n\n— AAAAAAA=\n", .malformedSignature(1)),
    ("text\n\n—  AAAAAAA=\n", .malformedSignature(1)),
    ("text\n\n— a  AAAAAAA=\n", .malformedSignature(1)),
    ("text\n\n— a+b AAAAAAA=\n", .malformedSignature(1)),
    ("text\n\n— a AAAAAAA= \n", .malformedSignature(1)),
    ("text\n\n— a AAAAAAB=\n", .malformedSignature(1)),
    ("text\n\n— a AAAAAAA\n", .malformedSignature(1)),
    ("text\n\n" + String(repeating: line, count: 101), .tooManySignatures),
    (String(repeating: "a", count: 1 << 20) + "\n", .tooLong(byteCount: 1 << 20 + 1)),
  ]

  @Test(arguments: malformed)
  func `is refused with the reason`(text: String, refusal: NoteRefusal) {
    #expect(throws: refusal) { try SignedNote(parsing: text) }
  }

  @Test func `may have 100 signatures`() throws {
    let text = "text\n\n" + String(repeating: Self.line, count: 100)
    #expect(try SignedNote(parsing: text).signatures.count == 100)
  }

  @Test func `is refused where it is not UTF-8`() {
    #expect(throws: NoteRefusal.notUTF8) {
      try SignedNote(parsing: [0xC3] + Array(("\n\n" + Self.line).utf8))
    }
  }

  @Test(arguments: [
    ("text", NoteRefusal.malformed), ("", .malformed), ("te\txt\n", .controlCharacter),
  ])
  func `is not made of text that it could not hold`(text: String, refusal: NoteRefusal) {
    #expect(throws: refusal) { try NoteText(text) }
  }
}

extension String {
  func replacingFirst(_ old: String, with new: String) -> String {
    guard let range = firstRange(of: old) else { return self }
    return replacingCharacters(range, new)
  }

  private func replacingCharacters(_ range: Range<Index>, _ new: String) -> String {
    String(self[..<range.lowerBound]) + new + String(self[range.upperBound...])
  }
}
