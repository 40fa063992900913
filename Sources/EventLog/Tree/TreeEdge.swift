internal import Evidence
internal import LMDB

/// The right edge of the tree, as the appending thread needs it, and what it hashes with.
struct TreeEdge: ~Copyable {
  /// nil until it is read from the disk, and again whenever it may no longer agree with it.
  var tree: TiledTree?
  var hasher = TreeHasher()

  /// Hashes the records of a segment; the tree grows only once the caller has stored that.
  mutating func growth(
    of tree: inout TiledTree, by segment: Segment
  ) -> TreeGrowth {
    let old = tree.size
    return TreeGrowth(old: old, tiles: tree.append(leaves(of: segment), using: &hasher))
  }

  private mutating func leaves(of segment: Segment) -> [Digest256] {
    var leaves: [Digest256] = []
    leaves.reserveCapacity(segment.count)
    let records = segment.records.rawBytes
    var start = 0
    while start < records.byteCount {
      let length = Int(records.byte(at: start)) | Int(records.byte(at: start + 1)) << 8
      let end = start + length
      leaves.append(hasher.leaf(records.extracting(start..<end)))
      start = end
    }
    return leaves
  }
}
