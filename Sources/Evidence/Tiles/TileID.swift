/// Which tile: a row of up to 256 hashes of one level of a tree (C2SP `tlog-tiles`).
///
/// Level 0 holds leaf hashes; each hash of a higher level is the root over a full tile of the level
/// below. A tile with fewer than 256 hashes is partial.
public struct TileID: Hashable, Sendable {
  public let level: Int
  public let index: UInt64
  /// How many hashes it has, 1 to 256.
  public let width: Int

  /// Hashes of a full tile.
  public static let fullWidth = 256
  public static let levels = 0...63

  public init(level: Int, index: UInt64, width: Int = fullWidth) {
    precondition(Self.levels.contains(level), "a tile has a level of 0 to 63")
    precondition((1...Self.fullWidth).contains(width), "a tile has 1 to 256 hashes")
    (self.level, self.index, self.width) = (level, index, width)
  }

  public var isPartial: Bool { width < Self.fullWidth }

  public var byteCount: Int { width * Digest256.byteCount }

  /// The tile at this place in a tree of `size` leaves; nil where it has no hash.
  public init?(level: Int, index: UInt64, in size: TreeSize) {
    let hashes = size.count >> UInt64(8 * level)
    let (before, isBeyond) = index.multipliedReportingOverflow(by: UInt64(Self.fullWidth))
    guard !isBeyond, hashes > before else { return nil }
    self.init(level: level, index: index, width: Int(min(hashes - before, 256)))
  }
}
