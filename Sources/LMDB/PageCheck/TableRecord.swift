/// What LMDB keeps of one tree: two of them in each meta page, one as the value of each named table.
///
///     offset  bytes
///          0      4  in the free list's record of a meta page the page size, else zero
///          4      2  flags
///          6      2  depth
///          8     40  branch pages, leaf pages, overflow pages, entries, root
struct TableRecord {
  static let byteCount = 48
  /// The root of a tree without entries.
  static let noPage = UInt64.max
  /// LMDB's cursors have room for so many levels.
  private static let depthLimit = 32

  let padding: UInt32
  let flags: UInt16
  let depth: Int
  let branchPageCount: UInt64
  let leafPageCount: UInt64
  let overflowPageCount: UInt64
  let entryCount: UInt64
  let root: UInt64
  /// Where the record lies: its page, and its offset in that page.
  let place: (page: UInt64, offset: Int)

  init(at offset: Int, in bytes: RawSpan, ofPage page: UInt64) {
    padding = bytes.halfWord(at: offset)
    flags = bytes.shortWord(at: offset + 4)
    depth = Int(bytes.shortWord(at: offset + 6))
    branchPageCount = bytes.word(at: offset + 8)
    leafPageCount = bytes.word(at: offset + 16)
    overflowPageCount = bytes.word(at: offset + 24)
    entryCount = bytes.word(at: offset + 32)
    root = bytes.word(at: offset + 40)
    place = (page, offset)
  }

  var isEmpty: Bool { root == Self.noPage }

  /// Whether a file whose last page is `lastPage` could have such a tree.
  func isPossible(flags expectedFlags: UInt16, lastPage: UInt64) -> Bool {
    guard flags == expectedFlags else { return false }
    let counts = [branchPageCount, leafPageCount, overflowPageCount]
    if isEmpty { return depth == 0 && entryCount == 0 && counts.allSatisfy { $0 == 0 } }
    return (1...Self.depthLimit).contains(depth) && MetaPair.pageCount <= root && root <= lastPage
      && counts.allSatisfy { $0 <= lastPage } && leafPageCount > 0 && entryCount > 0
  }
}
