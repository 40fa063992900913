import Evidence
import Testing

@Suite struct `A checkpoint` {
  static let origin = "example.com/behind-the-sofa"
  static let text = """
    example.com/behind-the-sofa
    20852163
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

    """

  @Test func `is written and read as C2SP shows it`() throws {
    let root = try #require(Digest256(base64: "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="))
    let checkpoint = try Checkpoint(origin: Self.origin, size: 20_852_163, root: root)
    #expect(checkpoint.text == Self.text)
    #expect(try Checkpoint(text: Self.text) == checkpoint)
  }

  @Test func `keeps its extension lines`() throws {
    let checkpoint = try Checkpoint(
      origin: "ours", size: 1, root: ReferenceTree.roots[1], extensions: ["one", "two 2"])
    #expect(checkpoint.text.hasSuffix("=\none\ntwo 2\n"))
    #expect(try Checkpoint(text: checkpoint.text) == checkpoint)
  }

  @Test func `of an empty log has the root of nothing`() throws {
    let checkpoint = try Checkpoint(origin: "ours", size: 0, root: .emptyTree)
    #expect(checkpoint.text == "ours\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n")
    #expect(throws: CheckpointRefusal.rootOfNothing) {
      try Checkpoint(origin: "ours", size: 0, root: ReferenceTree.roots[1])
    }
  }

  static let root = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="

  static let malformed: [(String, CheckpointRefusal)] = [
    ("", CheckpointRefusal.tooFewLines), ("ours\n1\n", .tooFewLines),
    ("ours\n1\n\(root)", .tooFewLines), ("\n1\n\(root)\n", .origin),
    ("ours\n01\n\(root)\n", .size), ("ours\n+1\n\(root)\n", .size), ("ours\n\n\(root)\n", .size),
    ("ours\n1 \n\(root)\n", .size), ("ours\n-1\n\(root)\n", .size), ("ours\n1a\n\(root)\n", .size),
    ("ours\n18446744073709551616\n\(root)\n", .size), ("ours\n1\n\n", .root),
    ("ours\n1\n\(root.dropLast())\n", .root), ("ours\n1\n\(root) \n", .root),
    ("ours\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2J=\n", .root),
    ("ours\n1\nAAAA\n", .root), ("ours\n1\n\(root)\n\n", .extensionLine(1)),
    ("ours\n1\n\(root)\na\n\nb\n", .extensionLine(2)), ("ours\n0\n\(root)\n", .rootOfNothing),
  ]

  @Test(arguments: malformed)
  func `is refused with the reason`(text: String, refusal: CheckpointRefusal) {
    #expect(throws: refusal) { try Checkpoint(text: text) }
  }

  @Test(arguments: ["", "two\nlines"])
  func `has one line each for origin and extensions`(line: String) {
    #expect(throws: CheckpointRefusal.origin) {
      try Checkpoint(origin: line, size: 1, root: ReferenceTree.roots[1])
    }
    #expect(throws: CheckpointRefusal.extensionLine(2)) {
      try Checkpoint(
        origin: "ours", size: 1, root: ReferenceTree.roots[1], extensions: ["one", line])
    }
  }
}

@Suite struct `A signed checkpoint` {
  let key: SigningKey
  let checkpoint: Checkpoint
  let signed: [UInt8]

  init() throws {
    key = try .example("example.com/log")
    checkpoint = try Checkpoint(
      origin: "example.com/log", size: 8, root: ReferenceTree.roots[8], extensions: ["more"])
    signed = Array(try checkpoint.signed(by: key).string.utf8)
  }

  private func verify(_ bytes: [UInt8], origin: String = "example.com/log") throws -> Checkpoint {
    try SignedCheckpoint(verifying: bytes, origin: origin, keys: [key.verifyingKey]).checkpoint
  }

  @Test func `says what was signed`() throws {
    #expect(try verify(signed) == checkpoint)
  }

  @Test func `is refused with any bit of any byte changed`() {
    for place in signed.indices {
      for bit in 0..<8 {
        var changed = signed
        changed[place] ^= 1 << bit
        #expect(throws: CheckpointRefusal.self, "byte \(place), bit \(bit)") {
          try verify(changed)
        }
      }
    }
  }

  @Test func `is refused when it is cut short or goes on`() {
    for count in signed.indices {
      #expect(throws: CheckpointRefusal.self) { try verify(Array(signed.prefix(count))) }
    }
    #expect(throws: CheckpointRefusal.self) { try verify(signed + [0x0A]) }
  }

  @Test func `is refused for another log and by another key`() throws {
    #expect(throws: CheckpointRefusal.otherLog(origin: "example.com/log")) {
      try verify(signed, origin: "example.com/other")
    }
    let other = try SigningKey.example("example.com/log", 8)
    let forged = try checkpoint.signed(by: other)
    #expect(throws: CheckpointRefusal.note(.unknownKeys)) { try verify(Array(forged.string.utf8)) }
  }
}
