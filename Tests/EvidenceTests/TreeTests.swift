import Evidence
import TestSupport
import Testing

@Suite struct `A Merkle tree` {
  @Test(arguments: 0...8)
  func `has the roots of the reference tree`(size: Int) {
    var frontier = MerkleFrontier()
    var hasher = TreeHasher()
    frontier.append(Array(ReferenceTree.leaves[..<size]), using: &hasher)
    #expect(frontier.root(using: &hasher) == ReferenceTree.roots[size])
    #expect(frontier.size == TreeSize(UInt64(size)))
  }

  @Test func `has at every size the root that RFC 6962 defines`() {
    let random = RandomTree(size: 300)
    var frontier = MerkleFrontier()
    var hasher = TreeHasher()
    for size in 0...300 {
      #expect(frontier.root(using: &hasher) == random.root(size), "seed \(random.seed)")
      if size < 300 { frontier.append(random.leaves[size], using: &hasher) }
    }
  }

  @Test func `goes on from a frontier that was stored`() throws {
    let random = RandomTree(size: 300)
    var frontier = MerkleFrontier()
    var hasher = TreeHasher()
    for leaf in random.leaves {
      frontier = try MerkleFrontier(bytes: frontier.bytes)
      frontier.append(leaf, using: &hasher)
    }
    #expect(frontier.root(using: &hasher) == random.root(300), "seed \(random.seed)")
  }

  @Test func `has a frontier of one digest for each one-bit of its size`() throws {
    var frontier = MerkleFrontier()
    var hasher = TreeHasher()
    frontier.append(RandomTree(size: 0b1011).leaves, using: &hasher)
    #expect(frontier.bytes.count == 8 + 3 * 32)
    #expect(frontier.bytes.prefix(8) == [0b1011, 0, 0, 0, 0, 0, 0, 0])
  }

  @Test func `is not made from frontiers of another length`() throws {
    var frontier = MerkleFrontier()
    var hasher = TreeHasher()
    frontier.append(RandomTree(size: 6).leaves, using: &hasher)
    for count in 0..<8 {
      #expect(throws: FrontierDamage.truncated) {
        try MerkleFrontier(bytes: Array(frontier.bytes.prefix(count)))
      }
    }
    for count in [8, 71, 73] {
      #expect(throws: FrontierDamage.wrongLength(expected: 72, found: count)) {
        try MerkleFrontier(bytes: Array((frontier.bytes + [0]).prefix(count)))
      }
    }
  }
}

@Suite struct `A digest` {
  static let empty = ReferenceTree.roots[0]

  @Test func `is written in hexadecimal and in base64`() {
    #expect(Self.empty.hexadecimal.hasPrefix("e3b0c442") && Self.empty.hexadecimal.count == 64)
    #expect(Self.empty.base64 == "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")
    #expect(Self.empty == .emptyTree)
  }

  @Test func `is read from what it is written as`() {
    for digest in RandomTree(size: 50).leaves {
      #expect(Digest256(hexadecimal: digest.hexadecimal) == digest)
      #expect(Digest256(base64: digest.base64) == digest)
      #expect(Digest256(bytes: digest.bytes) == digest)
    }
  }

  @Test(arguments: [
    "", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU",
    "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV=",
    "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuF==", "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU=",
    "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n", "====",
    "47DEQpj8HBSa=/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
    "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFUA",
  ])
  func `is not read from base64 that is no canonical text of 32 bytes`(text: String) {
    #expect(Digest256(base64: text) == nil)
  }

  @Test func `is not read from other digits or another number of them`() {
    let text = Self.empty.hexadecimal
    #expect(Digest256(hexadecimal: String(text.dropLast())) == nil)
    #expect(Digest256(hexadecimal: text + "00") == nil)
    #expect(Digest256(hexadecimal: text.dropLast() + "g") == nil)
    #expect(Digest256(bytes: [UInt8](repeating: 0, count: 31)) == nil)
  }
}
