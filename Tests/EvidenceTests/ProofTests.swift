import Evidence
import TestSupport
import Testing

@Suite struct `An inclusion proof` {
  @Test func `is the path that RFC 6962 defines, and verifies, for every leaf of every size`()
    throws
  {
    let random = RandomTree(size: 40)
    let stored = StoredTiles(random.leaves)
    var hasher = TreeHasher()
    for size in 1...40 {
      for index in 0..<size {
        let proof = try stored.inclusion(of: index, in: size)
        #expect(
          proof.path == NaiveTree.inclusion(index, random.leaves[..<size]), "seed \(random.seed)")
        try proof.verify(
          leaf: random.leaves[index], root: random.root(size), using: &hasher)
      }
    }
  }

  @Test(arguments: [255, 256, 257, 600, 65_536, 66_000])
  func `verifies in trees of several tiles`(size: Int) throws {
    let (random, stored) = (LargeTree.random, LargeTree.tiles)
    var hasher = TreeHasher()
    for index in [0, 1, 200, 254, 255, 256, 599, 40_000, 65_535, 65_999] where index < size {
      let proof = try stored.inclusion(of: index, in: size)
      try proof.verify(leaf: random.leaves[index], root: random.root(size), using: &hasher)
    }
  }

  @Test func `of the reference tree is the published one`() throws {
    let proof = try StoredTiles(ReferenceTree.leaves).inclusion(of: 5, in: 8)
    #expect(
      proof.path.map(\.hexadecimal) == [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
      ])
  }

  @Test(arguments: [(0, 0), (1, 1), (8, 8), (9, 8), (300, 256)])
  func `is not made for a leaf that is not there`(index: UInt64, size: UInt64) {
    let stored = StoredTiles(RandomTree(size: Int(size)).leaves)
    var hasher = TreeHasher()
    #expect(
      throws: ProofFailure<StoredTiles.Missing>.noSuchLeaf(LeafIndex(index), size: TreeSize(size))
    ) {
      try InclusionProof(
        index: LeafIndex(index), size: TreeSize(size), using: &hasher, reading: stored.read)
    }
  }

  @Test func `is refused when anything about it is changed`() throws {
    let random = RandomTree(size: 13)
    let stored = StoredTiles(random.leaves)
    for size in 2...13 {
      for index in 0..<size {
        let proof = try stored.inclusion(of: index, in: size)
        let (leaf, root) = (random.leaves[index], random.root(size))
        for mutant in proof.path.mutants {
          let mutant = InclusionProof(index: proof.index, size: proof.size, path: mutant)
          #expect(throws: ProofRefusal.self) { try mutant.check(leaf: leaf, root: root) }
        }
        for other in 0..<size where other != index {
          let moved = InclusionProof(
            index: LeafIndex(UInt64(other)), size: proof.size, path: proof.path)
          #expect(throws: ProofRefusal.self) { try moved.check(leaf: leaf, root: root) }
          #expect(throws: ProofRefusal.self) {
            try proof.check(leaf: random.leaves[other], root: root)
          }
        }
      }
    }
  }

  @Test func `is refused with the reason`() throws {
    let random = RandomTree(size: 7)
    let proof = try StoredTiles(random.leaves).inclusion(of: 2, in: 7)
    let (leaf, root) = (random.leaves[2], random.root(7))
    #expect(throws: ProofRefusal.wrongLength(expected: 3, found: 2)) {
      try InclusionProof(index: 2, size: 7, path: Array(proof.path.dropLast()))
        .check(leaf: leaf, root: root)
    }
    #expect(throws: ProofRefusal.rootDiffers(computed: root)) {
      try proof.check(leaf: leaf, root: random.root(6))
    }
    #expect(throws: ProofRefusal.noSuchLeaf(7, size: 7)) {
      try InclusionProof(index: 7, size: 7, path: proof.path).check(leaf: leaf, root: root)
    }
    #expect(throws: ProofRefusal.noSuchLeaf(0, size: 0)) {
      try InclusionProof(index: 0, size: 0, path: []).check(leaf: leaf, root: .emptyTree)
    }
  }
}

@Suite struct `A consistency proof` {
  @Test func `is the one that RFC 6962 defines, and verifies, for every two sizes`() throws {
    let random = RandomTree(size: 40)
    let stored = StoredTiles(random.leaves)
    for new in 0...40 {
      for old in 0...new {
        let proof = try stored.consistency(of: old, in: new)
        #expect(
          proof.path == NaiveTree.consistency(old, random.leaves[..<new]), "seed \(random.seed)")
        try proof.check(oldRoot: random.root(old), newRoot: random.root(new))
      }
    }
  }

  @Test(arguments: [1, 255, 256, 257, 599, 600, 30_001, 65_535, 65_536, 65_537])
  func `verifies in trees of several tiles`(old: Int) throws {
    let random = LargeTree.random
    let proof = try LargeTree.tiles.consistency(of: old, in: 66_000)
    try proof.check(oldRoot: random.root(old), newRoot: random.root(66_000))
  }

  @Test func `of the reference tree is the published one`() throws {
    let proof = try StoredTiles(ReferenceTree.leaves).consistency(of: 6, in: 8)
    #expect(
      proof.path.map(\.hexadecimal) == [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
      ])
  }

  @Test func `is not made backwards`() {
    let stored = StoredTiles(RandomTree(size: 8).leaves)
    #expect(throws: ProofFailure<StoredTiles.Missing>.sizesInWrongOrder(old: 8, new: 7)) {
      try stored.consistency(of: 8, in: 7)
    }
  }

  @Test func `is refused when anything about it is changed`() throws {
    let random = RandomTree(size: 13)
    let stored = StoredTiles(random.leaves)
    let roots = (0...13).map(random.root)
    for new in 1...13 {
      for old in 0...new {
        let proof = try stored.consistency(of: old, in: new)
        for mutant in proof.path.mutants {
          let mutant = ConsistencyProof(
            oldSize: proof.oldSize, newSize: proof.newSize, path: mutant)
          #expect(throws: ProofRefusal.self) {
            try mutant.check(oldRoot: roots[old], newRoot: roots[new])
          }
        }
        for other in 0...13 where other != old {
          #expect(throws: ProofRefusal.self) {
            try proof.check(oldRoot: roots[other], newRoot: roots[new])
          }
        }
        // Every tree begins with nothing, so only a longer old tree says anything about the new.
        for other in 0...13 where other != new && old > 0 {
          #expect(throws: ProofRefusal.self) {
            try proof.check(oldRoot: roots[old], newRoot: roots[other])
          }
        }
      }
    }
  }

  @Test func `is refused with the reason`() throws {
    let random = RandomTree(size: 7)
    let proof = try StoredTiles(random.leaves).consistency(of: 3, in: 7)
    let (old, new) = (random.root(3), random.root(7))
    #expect(throws: ProofRefusal.oldRootDiffers(computed: old)) {
      try proof.check(oldRoot: new, newRoot: new)
    }
    #expect(throws: ProofRefusal.rootDiffers(computed: new)) {
      try proof.check(oldRoot: old, newRoot: old)
    }
    #expect(throws: ProofRefusal.wrongLength(expected: proof.path.count, found: 0)) {
      try ConsistencyProof(oldSize: 3, newSize: 7, path: []).check(oldRoot: old, newRoot: new)
    }
    #expect(throws: ProofRefusal.sizesInWrongOrder(old: 7, new: 3)) {
      try ConsistencyProof(oldSize: 7, newSize: 3, path: []).check(oldRoot: new, newRoot: old)
    }
    #expect(throws: ProofRefusal.wrongLength(expected: 0, found: 1)) {
      try ConsistencyProof(oldSize: 7, newSize: 7, path: [new]).check(oldRoot: new, newRoot: new)
    }
  }
}

extension StoredTiles {
  func inclusion(of index: Int, in size: Int) throws -> InclusionProof {
    var hasher = TreeHasher()
    return try InclusionProof(
      index: LeafIndex(UInt64(index)), size: TreeSize(UInt64(size)), using: &hasher, reading: read)
  }

  func consistency(of old: Int, in new: Int) throws -> ConsistencyProof {
    var hasher = TreeHasher()
    return try ConsistencyProof(
      oldSize: TreeSize(UInt64(old)), newSize: TreeSize(UInt64(new)), using: &hasher,
      reading: read)
  }
}

extension InclusionProof {
  func check(leaf: Digest256, root: Digest256) throws {
    var hasher = TreeHasher()
    try verify(leaf: leaf, root: root, using: &hasher)
  }
}

extension ConsistencyProof {
  func check(oldRoot: Digest256, newRoot: Digest256) throws {
    var hasher = TreeHasher()
    try verify(oldRoot: oldRoot, newRoot: newRoot, using: &hasher)
  }
}

extension [Digest256] {
  /// One hash less, one more, one changed, two exchanged.
  fileprivate var mutants: [[Digest256]] {
    let shorter = indices.map { (place) in Array(self[..<place] + self[(place + 1)...]) }
    let longer = [self + [.emptyTree], [.emptyTree] + self]
    let changed = indices.map { (place) in
      var copy = self
      var bytes = copy[place].bytes
      bytes[place] ^= 1
      copy[place] = Digest256(bytes: bytes) ?? .emptyTree
      return copy
    }
    let exchanged = indices.dropLast().map { (place) in
      var copy = self
      copy.swapAt(place, place + 1)
      return copy
    }
    return shorter + longer + changed + exchanged
  }
}
