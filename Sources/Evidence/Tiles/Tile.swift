/// A tile and its hashes.
public struct Tile: Hashable, Sendable {
  public let id: TileID
  public let hashes: [Digest256]

  init(level: Int, index: UInt64, hashes: [Digest256]) {
    id = TileID(level: level, index: index, width: hashes.count)
    self.hashes = hashes
  }

  /// The hashes one after the other, as the tile is stored and served.
  public var bytes: [UInt8] { [UInt8](concatenating: hashes) }
}

/// Why hashes cannot be had from tiles.
public enum TileFailure<ReaderFailure: Error>: Error {
  /// The closure that reads tiles threw.
  case reading(ReaderFailure)
  /// The tile that was read is not a row of as many hashes as a tree of this size has there.
  case wrongLength(TileID, byteCount: Int)
}

extension TileFailure: Equatable where ReaderFailure: Equatable {}

extension TileFailure: CustomStringConvertible {
  public var description: String {
    switch self {
    case .reading(let failure): "a tile cannot be read: \(failure)"
    case .wrongLength(let id, let byteCount):
      "\(id.path) has \(byteCount) bytes where \(id.byteCount) are needed"
    }
  }
}

extension TileID {
  /// The hashes of the tile that `read` gives, which may be a later, wider state of it.
  func hashes<Failure: Error>(
    from read: (TileID) throws(Failure) -> [UInt8]
  ) throws(TileFailure<Failure>) -> [Digest256] {
    let bytes: [UInt8]
    do { bytes = try read(self) } catch { throw .reading(error) }
    guard bytes.count >= byteCount, bytes.count.isMultiple(of: Digest256.byteCount),
      bytes.count <= Self.fullWidth * Digest256.byteCount
    else { throw .wrongLength(self, byteCount: bytes.count) }
    return Digest256.row(of: width, in: bytes, from: 0)
  }
}
