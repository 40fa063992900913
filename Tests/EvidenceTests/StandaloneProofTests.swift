import Evidence
import TestSupport
import Testing

/// A log of the eight records of the reference tree, and who signs for it.
private struct SignedLog {
  static let origin = "quota.example/log"
  let key: SigningKey
  let tiles = StoredTiles(ReferenceTree.leaves)

  init(seed: UInt8 = 1) throws {
    let name = try #require(KeyName(Self.origin))
    key = try #require(SigningKey(name: name, seed: [UInt8](repeating: seed, count: 32)))
  }

  func note(_ size: Int) throws -> SignedNote {
    try Checkpoint(
      origin: Self.origin, size: TreeSize(UInt64(size)), root: ReferenceTree.roots[size]
    ).signed(by: key)
  }

  func proof(of index: Int, in size: Int, withEntry: Bool = true) throws -> LogProof {
    var hasher = TreeHasher()
    let proof = try InclusionProof(
      index: LeafIndex(UInt64(index)), size: TreeSize(UInt64(size)), using: &hasher,
      reading: tiles.read)
    return LogProof(
      entry: withEntry ? ReferenceTree.records[index] : nil, index: proof.index, path: proof.path,
      checkpoint: try note(size))
  }

  func proof(of range: Range<Int>, in size: Int) throws -> RangeProof {
    var hasher = TreeHasher()
    var before = MerkleFrontier()
    before.append(Array(ReferenceTree.leaves[..<range.lowerBound]), using: &hasher)
    let after = try ConsistencyProof(
      oldSize: TreeSize(UInt64(range.upperBound)), newSize: TreeSize(UInt64(size)), using: &hasher,
      reading: tiles.read)
    return RangeProof(before: before, after: after.path, checkpoint: try note(size))
  }
}

@Suite struct `A proof that stands by itself` {
  @Test func `holds for every record of every tree, also after it was written and read`() throws {
    let log = try SignedLog()
    for size in 1...8 {
      for index in 0..<size {
        let proof = try LogProof(parsing: Array(log.proof(of: index, in: size).text.utf8))
        let checkpoint = try proof.verify(
          entry: try #require(proof.entry), origin: SignedLog.origin, keys: [log.key.verifyingKey])
        #expect(checkpoint.size == TreeSize(UInt64(size)))
        #expect(proof.index == LeafIndex(UInt64(index)))
      }
    }
  }

  @Test func `may leave the entry to whoever has it`() throws {
    let log = try SignedLog()
    let proof = try log.proof(of: 5, in: 8, withEntry: false)
    #expect(proof.entry == nil)
    #expect(try LogProof(parsing: Array(proof.text.utf8)) == proof)
  }

  @Test func `proves nothing once any line of it has changed`() throws {
    let log = try SignedLog()
    let lines = try log.proof(of: 5, in: 8).text.split(
      separator: "\n", omittingEmptySubsequences: false)
    for place in lines.indices.dropLast() {
      for line in ["", "\(lines[place])x", String(lines[place].dropLast())]
      where line != lines[place] {
        var changed = lines.map(String.init)
        changed[place] = line
        #expect(throws: LogProofRefusal.self, "line \(place) as \(line)") {
          let proof = try LogProof(parsing: Array(changed.joined(separator: "\n").utf8))
          _ = try proof.verify(
            entry: proof.entry ?? [], origin: SignedLog.origin, keys: [log.key.verifyingKey])
        }
      }
    }
  }

  @Test func `is refused of another entry, place, log and key`() throws {
    let (log, other) = (try SignedLog(), try SignedLog(seed: 2))
    let proof = try log.proof(of: 5, in: 8)
    let keys = [log.key.verifyingKey]
    let entry = ReferenceTree.records[5]
    #expect(throws: LogProofRefusal.self) {
      try proof.verify(entry: ReferenceTree.records[4], origin: SignedLog.origin, keys: keys)
    }
    #expect(throws: LogProofRefusal.checkpoint(.otherLog(origin: SignedLog.origin))) {
      try proof.verify(entry: entry, origin: "elsewhere", keys: keys)
    }
    #expect(throws: LogProofRefusal.checkpoint(.note(.unknownKeys))) {
      try proof.verify(entry: entry, origin: SignedLog.origin, keys: [other.key.verifyingKey])
    }
    let moved = LogProof(
      entry: entry, index: 4, path: proof.path, checkpoint: proof.checkpoint)
    #expect(throws: LogProofRefusal.self) {
      try moved.verify(entry: entry, origin: SignedLog.origin, keys: keys)
    }
  }
}

@Suite struct `A proof of a range` {
  @Test func `holds for every range of every tree, also after it was written and read`() throws {
    let log = try SignedLog()
    for size in 1...8 {
      for first in 0..<size {
        for end in (first + 1)...size {
          let text = try log.proof(of: first..<end, in: size).text
          let proof = try RangeProof(parsing: Array(text.utf8))
          let checkpoint = try proof.verify(
            leaves: ReferenceTree.leaves[first..<end], origin: SignedLog.origin,
            keys: [log.key.verifyingKey])
          #expect(checkpoint.size == TreeSize(UInt64(size)))
        }
      }
    }
  }

  @Test func `is refused of other entries, of more, of fewer and in another order`() throws {
    let log = try SignedLog()
    let proof = try log.proof(of: 2..<6, in: 8)
    let leaves = ReferenceTree.leaves
    let right = Array(leaves[2..<6])
    let others = [
      Array(leaves[1..<5]), Array(leaves[2..<5]), Array(leaves[2..<7]), right.reversed(),
      [right[0], right[2], right[1], right[3]], [],
    ]
    for wrong in others {
      #expect(throws: RangeProofRefusal.self) {
        try proof.verify(
          leaves: wrong, origin: SignedLog.origin, keys: [log.key.verifyingKey])
      }
    }
  }

  @Test func `proves nothing once any line of it has changed`() throws {
    let log = try SignedLog()
    let lines = try log.proof(of: 2..<6, in: 8).text.split(
      separator: "\n", omittingEmptySubsequences: false)
    for place in lines.indices.dropLast() {
      var changed = lines.map(String.init)
      changed[place] += "x"
      #expect(throws: RangeProofRefusal.self, "line \(place)") {
        let proof = try RangeProof(parsing: Array(changed.joined(separator: "\n").utf8))
        _ = try proof.verify(
          leaves: ReferenceTree.leaves[2..<6], origin: SignedLog.origin,
          keys: [log.key.verifyingKey])
      }
    }
  }
}
