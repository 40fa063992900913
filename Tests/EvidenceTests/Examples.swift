import Evidence
import TestSupport

/// The reference tree of RFC 6962 implementations: eight leaves and the roots over the first of
/// them (`testonly/constants.go` of transparency-dev/merkle).
enum ReferenceTree {
  static let records: [[UInt8]] = [
    [], [0x00], [0x10], [0x20, 0x21], [0x30, 0x31], [0x40, 0x41, 0x42, 0x43],
    Array(0x50...0x57), Array(0x60...0x6F),
  ]

  static let roots = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
  ].compactMap { Digest256(hexadecimal: $0) }

  static var leaves: [Digest256] {
    var hasher = TreeHasher()
    return records.map { unsafe hasher.leaf($0.span.bytes) }
  }
}

/// RFC 6962, section 2.1, written down as it is defined.
enum NaiveTree {
  static func root(_ leaves: ArraySlice<Digest256>) -> Digest256 {
    var hasher = TreeHasher()
    return root(leaves, using: &hasher)
  }

  private static func root(
    _ leaves: ArraySlice<Digest256>, using hasher: inout TreeHasher
  ) -> Digest256 {
    if leaves.isEmpty { return ReferenceTree.roots[0] }
    if leaves.count == 1 { return leaves[leaves.startIndex] }
    let middle = leaves.startIndex + split(leaves.count)
    return hasher.node(
      root(leaves[..<middle], using: &hasher), root(leaves[middle...], using: &hasher))
  }

  static func inclusion(_ index: Int, _ leaves: ArraySlice<Digest256>) -> [Digest256] {
    guard leaves.count > 1 else { return [] }
    let middle = leaves.startIndex + split(leaves.count)
    return index < middle
      ? inclusion(index, leaves[..<middle]) + [root(leaves[middle...])]
      : inclusion(index, leaves[middle...]) + [root(leaves[..<middle])]
  }

  static func consistency(_ old: Int, _ leaves: ArraySlice<Digest256>) -> [Digest256] {
    old == 0 ? [] : subproof(old, leaves, isWhole: true)
  }

  private static func subproof(
    _ old: Int, _ leaves: ArraySlice<Digest256>, isWhole: Bool
  ) -> [Digest256] {
    if old == leaves.count { return isWhole ? [] : [root(leaves)] }
    let split = split(leaves.count)
    let middle = leaves.startIndex + split
    return old <= split
      ? subproof(old, leaves[..<middle], isWhole: isWhole) + [root(leaves[middle...])]
      : subproof(old - split, leaves[middle...], isWhole: false) + [root(leaves[..<middle])]
  }

  private static func split(_ count: Int) -> Int {
    var split = 1
    while 2 * split < count { split *= 2 }
    return split
  }
}

/// Leaves that nobody chose, and the tiles that they make.
struct RandomTree {
  let leaves: [Digest256]
  let seed: UInt64

  init(size: Int) {
    let numbers = SeededNumbers()
    var hasher = TreeHasher()
    seed = numbers.seed
    leaves = (0..<UInt64(size)).map { (place) in
      unsafe hasher.leaf([numbers.seed, place].span.bytes)
    }
  }

  func root(_ size: Int) -> Digest256 { NaiveTree.root(leaves[..<size]) }
}

/// One tree of three levels of tiles, for all tests: making it takes long.
enum LargeTree {
  static let random = RandomTree(size: 70_000)
  static let tiles = StoredTiles(random.leaves)
}

/// Tiles as a log keeps them, the widest state of each.
struct StoredTiles {
  var tiles: [String: [UInt8]] = [:]

  init() {}

  init(_ leaves: [Digest256]) {
    var tree = TiledTree()
    var hasher = TreeHasher()
    store(tree.append(leaves, using: &hasher))
  }

  mutating func store(_ changed: [Tile]) {
    for tile in changed { tiles["\(tile.id.level)/\(tile.id.index)"] = tile.bytes }
  }

  struct Missing: Error, Equatable { let id: TileID }

  func read(_ id: TileID) throws(Missing) -> [UInt8] {
    guard let bytes = tiles["\(id.level)/\(id.index)"] else { throw Missing(id: id) }
    return bytes
  }
}
