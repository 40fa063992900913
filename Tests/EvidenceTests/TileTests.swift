import Evidence
import TestSupport
import Testing

@Suite struct `A tiled tree` {
  @Test func `has at every size the root that RFC 6962 defines, appended one by one`() {
    let random = RandomTree(size: 600)
    var tree = TiledTree()
    var hasher = TreeHasher()
    for size in 1...600 {
      _ = tree.append([random.leaves[size - 1]], using: &hasher)
      #expect(tree.root(using: &hasher) == random.root(size), "seed \(random.seed)")
    }
  }

  @Test func `keeps the same tiles however the leaves come`() {
    let random = RandomTree(size: 1500)
    var numbers = SeededNumbers(seed: random.seed)
    var (tree, stored) = (TiledTree(), StoredTiles())
    var hasher = TreeHasher()
    var rest = random.leaves[...]
    while !rest.isEmpty {
      let run = rest.prefix(Int.random(in: 1...400, using: &numbers))
      stored.store(tree.append(Array(run), using: &hasher))
      rest = rest.dropFirst(run.count)
    }
    #expect(stored.tiles == StoredTiles(random.leaves).tiles, "seed \(random.seed)")
  }

  @Test func `has tiles of the roots over 256 hashes of the level below`() {
    let (random, stored) = (LargeTree.random, LargeTree.tiles)
    #expect(stored.tiles.count == 273 + 1 + 1 + 1 + 1)
    #expect(stored.tiles["0/273"] == random.leaves[(273 * 256)...].flatMap(\.bytes))
    #expect(stored.tiles["1/1"]?.count == 17 * 32)
    #expect(stored.tiles["1/1"]?.prefix(32) == random.subtree(256, at: 65_536).bytes[...])
    #expect(stored.tiles["2/0"] == random.subtree(65_536, at: 0).bytes)
  }

  @Test(arguments: [0, 1, 255, 256, 257, 511, 512, 65_536])
  func `goes on from its stored tiles`(size: Int) throws {
    let random = RandomTree(size: size + 300)
    let stored = StoredTiles(Array(random.leaves[..<size]))
    var hasher = TreeHasher()
    var tree = try TiledTree(size: TreeSize(UInt64(size)), reading: stored.read)
    #expect(tree.root(using: &hasher) == random.root(size), "seed \(random.seed)")
    _ = tree.append(Array(random.leaves[size...]), using: &hasher)
    #expect(tree.root(using: &hasher) == random.root(size + 300), "seed \(random.seed)")
  }

  @Test func `names only what changes`() {
    var tree = TiledTree()
    var hasher = TreeHasher()
    let random = RandomTree(size: 257)
    let first = tree.append(Array(random.leaves[..<5]), using: &hasher)
    #expect(first.map(\.id.path) == ["tile/0/000.p/5"])
    let full = tree.append(Array(random.leaves[5..<256]), using: &hasher)
    #expect(full.map(\.id.path) == ["tile/0/000", "tile/1/000.p/1"])
    let next = tree.append(Array(random.leaves[256...]), using: &hasher)
    #expect(next.map(\.id.path) == ["tile/0/001.p/1"])
    #expect(tree.append([], using: &hasher).isEmpty)
  }

  @Test func `says which tile is missing or too short`() {
    let stored = StoredTiles(RandomTree(size: 10).leaves)
    let wanted = TileID(level: 0, index: 0, width: 11)
    #expect(throws: TileFailure<StoredTiles.Missing>.wrongLength(wanted, byteCount: 320)) {
      try TiledTree(size: 11, reading: stored.read)
    }
    let other = TileID(level: 0, index: 1, width: 1)
    #expect(throws: TileFailure.reading(StoredTiles.Missing(id: other))) {
      try TiledTree(size: 257, reading: stored.read)
    }
  }
}

extension RandomTree {
  func subtree(_ width: Int, at start: Int) -> Digest256 {
    NaiveTree.root(leaves[start..<start + width])
  }
}

@Suite struct `The path of a tile` {
  static let examples: [(TileID, String)] = [
    (TileID(level: 0, index: 0), "tile/0/000"),
    (TileID(level: 0, index: 999, width: 1), "tile/0/999.p/1"),
    (TileID(level: 1, index: 1000), "tile/1/x001/000"),
    (TileID(level: 63, index: 1_234_067, width: 255), "tile/63/x001/x234/067.p/255"),
    (
      TileID(level: 7, index: .max, width: 256),
      "tile/7/x018/x446/x744/x073/x709/x551/615"
    ),
  ]

  @Test(arguments: examples)
  func `is written and read`(tile: TileID, path: String) throws {
    #expect(tile.path == path)
    #expect(try TileID(path: path) == tile)
  }

  @Test(arguments: [
    ("", TilePathError.notATile), ("tile/0", .notATile), ("/tile/0/000", .notATile),
    ("tiles/0/000", .notATile), ("tile/64/000", .level), ("tile/00/000", .level),
    ("tile/-1/000", .level), ("tile/entries/000", .level), ("tile//000", .level),
    ("tile/0/0", .index), ("tile/0/", .index), ("tile/0/1000", .index), ("tile/0/x000/001", .index),
    ("tile/0/001/002", .index), ("tile/0/x001", .index), ("tile/0/x001/x002", .index),
    ("tile/0/x01/002", .index), ("tile/0/00a", .index), ("tile/0/000/", .index),
    ("tile/0/x018/x446/x744/x073/x709/x551/616", .index), ("tile/0/000.p", .index),
    ("tile/0/000.p/0", .width), ("tile/0/000.p/256", .width), ("tile/0/000.p/05", .width),
    ("tile/0/000.p/", .width), ("tile/0/000.p/5/", .index), ("tile/0/.p/5", .index),
    ("tile/0/.p", .index), ("tile/0/000.p/99999999999999999999", .width),
  ])
  func `is refused where it is not canonical`(path: String, refusal: TilePathError) {
    #expect(throws: refusal) { try TileID(path: path) }
  }
}
