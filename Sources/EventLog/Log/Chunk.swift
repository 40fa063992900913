internal import LMDB
internal import QuotaModel

/// The value of one entry of the log: a small frame and consecutive whole records.
///
///     offset  bytes
///          0      1  chunk format, 1
///          1      1  zero
///          2      2  number of records, little-endian
///          4         the records
///
/// At most 4,080 bytes: a longer value would make LMDB search its free list for contiguous pages.
enum Chunk {
  static let format: UInt8 = 1
  static let headerByteCount = 4
  static let maximumByteCount = 4080

  static func key(of position: Position) -> InlineArray<8, UInt8> {
    let word = position.rawValue
    return InlineArray { UInt8(truncatingIfNeeded: word >> (56 - 8 * UInt64($0))) }
  }

  /// The first position of the chunk under a key, or nil where the key is none of a chunk.
  static func position(ofKey key: RawSpan) -> Position? {
    guard key.byteCount == 8, key.word(at: 0) != 0 else { return nil }
    return Position(key.word(at: 0).byteSwapped)
  }

  /// How many records a chunk says it has, or nil where the frame is malformed.
  static func count(in chunk: RawSpan) -> Int? {
    guard chunk.byteCount > headerByteCount, chunk.byteCount <= maximumByteCount,
      chunk.byte(at: 0) == format, chunk.byte(at: 1) == 0
    else { return nil }
    let count = Int(chunk.byte(at: 2)) | Int(chunk.byte(at: 3)) << 8
    return count > 0 ? count : nil
  }
}

/// Cuts a segment into chunks, as many whole records in each as fit.
struct ChunkBuilder {
  private let segment: Segment
  private var offset = 0
  private var position: Position

  init(_ segment: Segment) {
    self.segment = segment
    position = segment.firstPosition
  }

  /// Fills `bytes` with the next chunk; answers its first position, or nil at the end.
  mutating func next(into bytes: inout [UInt8]) -> Position? {
    let first = position
    var end = offset
    var count = 0
    while end < segment.records.count {
      let length = Int(segment.records[end]) | Int(segment.records[end + 1]) << 8
      if Chunk.headerByteCount + end + length - offset > Chunk.maximumByteCount { break }
      end += length
      count += 1
    }
    guard count > 0 else { return nil }
    bytes.removeAll(keepingCapacity: true)
    bytes.append(Chunk.format)
    bytes.append(0)
    bytes.appendInteger(UInt16(count))
    bytes.append(contentsOf: segment.records[offset..<end])
    offset = end
    position = position.advanced(by: count)
    return first
  }
}
