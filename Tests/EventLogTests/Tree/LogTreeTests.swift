import EventLog
import Evidence
import LMDB
import QuotaModel
import TestSupport
import Testing

@Suite struct `The tree of a log` {
  @Test func `has the root of its records at every size, whatever the commits were`() throws {
    var numbers = SeededNumbers()
    var sizes: [Int] = []
    while sizes.reduce(0, +) < 1100 { sizes.append(Int.random(in: 1...300, using: &numbers)) }
    let sketch = try TestLog(segmentsOf: sizes, seed: numbers.seed)
    let log = try sketch.open()
    let roots = try Reckoning(log).roots
    for size in 0..<roots.count {
      #expect(
        try log.root(of: TreeSize(UInt64(size))) == roots[size],
        "size \(size), seed \(numbers.seed)")
    }
  }

  @Test func `goes on where it was when the log is opened again`() throws {
    var numbers = SeededNumbers()
    let sketch = try TestLog()
    var stream = EventStream(seed: numbers.seed)
    for _ in 0..<12 {
      let log = try sketch.open()
      try log.appendAtHead(
        (0..<Int.random(in: 1...120, using: &numbers)).map { _ in stream.next() })
    }
    let log = try sketch.open()
    let size = TreeSize(try log.head().rawValue)
    #expect(try log.root(of: size) == Reckoning(log).roots.last, "seed \(numbers.seed)")
  }

  @Test func `is made up for where a program without one has appended`() throws {
    let sketch = try TestLog(segmentsOf: [700, 300])
    let root = try sketch.open().root(of: 1000)
    for name in ["tiles", "nodes"] {
      try sketch.change(tree: name) { transaction, table in
        try transaction.removeAll(from: table)
      }
    }
    let log = try sketch.open()
    try log.openTree()
    #expect(try log.root(of: 1000) == root)
    #expect(try log.tile(TileID(level: 0, index: 2)) != nil)
  }

  @Test func `does not grow by an append that is refused`() throws {
    let sketch = try TestLog(segmentsOf: [300])
    let log = try sketch.open()
    let root = try log.root(of: 300)
    #expect(throws: LogFailure.endsElsewhere(at: Position(300))) {
      try log.append([EventExamples.first], behind: Position(7))
    }
    try log.recover()
    #expect(try log.root(of: 300) == root)
  }

  @Test func `proves that each record is in every later tree`() throws {
    let log = try TestLog(segmentsOf: [255, 1, 1, 40, 300]).open()
    let reckoning = try Reckoning(log)
    var hasher = TreeHasher()
    for size in [1, 2, 255, 256, 257, 511, 512, 513, 597] {
      for position in stride(from: 1, through: size, by: 37) {
        let proof = try log.inclusionProof(
          of: Position(UInt64(position)), in: TreeSize(UInt64(size)))
        try proof.verify(
          leaf: reckoning.leaves[position - 1], root: reckoning.roots[size], using: &hasher)
      }
    }
  }

  @Test func `proves that it only grew`() throws {
    let log = try TestLog(segmentsOf: [200, 200, 200]).open()
    let reckoning = try Reckoning(log)
    var hasher = TreeHasher()
    for old in stride(from: 0, through: 600, by: 43) {
      for new in stride(from: old, through: 600, by: 59) {
        let proof = try log.consistencyProof(
          from: TreeSize(UInt64(old)), to: TreeSize(UInt64(new)))
        try proof.verify(
          oldRoot: reckoning.roots[old], newRoot: reckoning.roots[new], using: &hasher)
      }
    }
  }

  @Test func `proves nothing about records that are not there`() throws {
    let log = try TestLog(segmentsOf: [10]).open()
    #expect(throws: ProofRefused.beyondEnd(size: 10)) {
      try log.inclusionProof(of: Position(1), in: 11)
    }
    #expect(throws: ProofRefused.notInTree(Position(6), size: 5)) {
      try log.inclusionProof(of: Position(6), in: 5)
    }
    #expect(throws: ProofRefused.notInTree(.zero, size: 5)) {
      try log.inclusionProof(of: .zero, in: 5)
    }
    #expect(throws: ProofRefused.beyondEnd(size: 10)) { try log.consistencyProof(from: 3, to: 11) }
    #expect(throws: ProofRefused.sizesInWrongOrder(old: 4, new: 3)) {
      try log.consistencyProof(from: 4, to: 3)
    }
  }

  @Test func `is served in tiles of exactly the width asked for`() throws {
    let log = try TestLog(segmentsOf: [300, 300]).open()
    let leaves = try Reckoning(log).leaves
    for (index, width) in [(0, 256), (0, 100), (1, 256), (2, 88), (2, 1)] {
      let first = index * 256
      #expect(
        try log.tile(TileID(level: 0, index: UInt64(index), width: width))
          == [UInt8](concatenating: Array(leaves[first..<first + width])))
    }
    #expect(try log.tile(TileID(level: 1, index: 0, width: 2))?.count == 64)
    #expect(try log.tile(TileID(level: 0, index: 2, width: 89)) == nil)
    #expect(try log.tile(TileID(level: 1, index: 0, width: 3)) == nil)
    #expect(try log.tile(TileID(level: 2, index: 0, width: 1)) == nil)
  }

  @Test func `is about records that are bundled behind their lengths`() throws {
    let log = try TestLog(segmentsOf: [300]).open()
    let bundle = try #require(try log.entries(index: 1, width: 44))
    var rest = bundle[...]
    for position in 257...300 {
      let length = Int(rest.removeFirst()) << 8 | Int(rest.removeFirst())
      #expect(try log.record(at: Position(UInt64(position))) == Array(rest.prefix(length)))
      rest = rest.dropFirst(length)
    }
    #expect(rest.isEmpty)
    #expect(try log.entries(index: 1, width: 45) == nil)
  }
}

/// What the records of a log come to, without tiles: RFC 6962 over each of them.
struct Reckoning {
  var leaves: [Digest256] = []
  /// By size, from 0 on.
  var roots: [Digest256] = []

  init(_ log: LMDBLog) throws {
    var hasher = TreeHasher()
    var frontier = MerkleFrontier()
    roots.append(frontier.root(using: &hasher))
    for position in 1..<(try log.head().rawValue + 1) {
      let record = try #require(try log.record(at: Position(position)))
      let leaf = hasher.leaf(record.rawBytes)
      leaves.append(leaf)
      frontier.append(leaf, using: &hasher)
      roots.append(frontier.root(using: &hasher))
    }
  }
}
