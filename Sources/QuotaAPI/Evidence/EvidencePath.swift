internal import Evidence
internal import HTTPServer

/// The paths of a tiled transparency log (C2SP `tlog-tiles`), and of proofs made from it.
enum EvidencePath: Hashable {
  case checkpoint
  case tile(TileID)
  /// The records of a tile of leaf hashes.
  case entries(TileID)
  case inclusion
  case consistency
  /// A proof that stands by itself, of one record.
  case receipt(String)
  /// What verifiers need to know: name and key.
  case identity

  static let allow = "GET, HEAD, OPTIONS"

  /// Whether it tells nothing but hashes and sizes.
  var isOfHashes: Bool {
    switch self {
    case .checkpoint, .tile, .inclusion, .consistency, .identity: true
    case .entries, .receipt: false
    }
  }

  /// nil for any other path.
  init?(_ segments: [String]) {
    switch (segments.first, segments.count) {
    case ("checkpoint", 1): self = .checkpoint
    case ("tile", _): self.init(tile: segments)
    case ("v1", 3) where segments[1] == "proofs" && segments[2] == "inclusion": self = .inclusion
    case ("v1", 3) where segments[1] == "proofs" && segments[2] == "consistency":
      self = .consistency
    case ("v1", 3) where segments[1] == "receipts": self = .receipt(segments[2])
    case ("v1", 2) where segments[1] == "evidence": self = .identity
    default: return nil
    }
  }

  private init?(tile segments: [String]) {
    let isOfEntries = segments.dropFirst().first == "entries"
    var path = segments
    // Bundles of entries are numbered as the tiles of the leaves are.
    if isOfEntries { path[1] = "0" }
    guard let id = try? TileID(path: path.joined(separator: "/")) else { return nil }
    self = isOfEntries ? .entries(id) : .tile(id)
  }
}
