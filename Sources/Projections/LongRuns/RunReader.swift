internal import Glibc
internal import LMDB

/// Reads the rows that a run has of one table, in order.
final class RunReader {
  /// The first 16 bytes of a key as numbers, zeros behind its end: their order is that of the keys, as
  /// far as they go.
  struct KeyStart: Comparable {
    let high: UInt64
    let low: UInt64

    static func < (left: KeyStart, right: KeyStart) -> Bool {
      left.high == right.high ? left.low < right.low : left.high < right.high
    }
  }

  private static let bufferByteCount = 1 << 16

  private let file: RunFile
  private var buffer: [UInt8]
  /// How much of the buffer is read, and how much of that is behind.
  private var filledCount = 0
  private var start = 0
  /// Where the file goes on behind the buffer, and where the table's rows end.
  private var offset: Int
  private let end: Int
  private var keyByteCount = 0
  private var valueByteCount = 0

  /// Opens a run; there is no current row before the first `advance`.
  init(_ path: String, _ table: RunTable) throws(ProjectionFailure) {
    file = try RunFile(path, O_RDONLY | O_CLOEXEC)
    let byteCount = try file.byteCount()
    var header = [UInt8](repeating: 0, count: RunWriter.headerByteCount)
    guard try file.read(into: &header, from: 0, at: 0) == header.count,
      Array(header.prefix(RunWriter.mark.count)) == RunWriter.mark,
      let middle = Int(exactly: header.rawBytes.word(at: RunWriter.mark.count)),
      (header.count...byteCount).contains(middle)
    else { throw Self.damage }
    offset = table == .history ? header.count : middle
    end = table == .history ? middle : byteCount
    buffer = [UInt8](repeating: 0, count: Self.bufferByteCount)
  }

  /// The key and the value of the current row.
  func withRow<Result, Failure: Error>(
    _ body: (RawSpan, RawSpan) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let buffer = buffer
    let middle = keyRange.upperBound
    return try body(
      buffer.rawBytes.extracting(keyRange),
      buffer.rawBytes.extracting(middle..<middle + valueByteCount))
  }

  var keyStart: KeyStart {
    KeyStart(high: word(ofKeyAt: 0), low: word(ofKeyAt: 8))
  }

  private func word(ofKeyAt offset: Int) -> UInt64 {
    let bytes = buffer
    let start = keyRange.lowerBound + offset
    // Behind every key is a value, which is no shorter.
    guard offset < keyByteCount else { return 0 }
    let word = bytes.rawBytes.word(at: start).byteSwapped
    let missingBitCount = UInt64(max(0, offset + 8 - keyByteCount) * 8)
    return word & (UInt64.max << missingBitCount)
  }

  func precedes(_ other: RunReader) -> Bool {
    let mine = buffer
    let theirs = other.buffer
    return mine.rawBytes.extracting(keyRange).precedes(theirs.rawBytes.extracting(other.keyRange))
  }

  func hasKey(of other: RunReader) -> Bool {
    let mine = buffer
    let theirs = other.buffer
    return mine.rawBytes.extracting(keyRange).equals(theirs.rawBytes.extracting(other.keyRange))
  }

  /// Those of the key and the value, as the row begins with them.
  private var lengths: UInt32 {
    let bytes = buffer
    return bytes.rawBytes.halfWord(at: start)
  }

  private var keyRange: Range<Int> { start + 4..<start + 4 + keyByteCount }

  /// Goes to the next row; false at the end.
  func advance() throws(ProjectionFailure) -> Bool {
    if keyByteCount > 0 { start += 4 + keyByteCount + valueByteCount }
    if try !has(4) {
      guard filledCount == start else { throw Self.damage }
      return false
    }
    let lengths = lengths
    keyByteCount = Int(lengths & 0xFFFF)
    valueByteCount = Int(lengths >> 16)
    guard keyByteCount > 0, valueByteCount >= WordRow.byteCount,
      try has(4 + keyByteCount + valueByteCount)
    else { throw Self.damage }
    return true
  }

  /// Whether so many bytes are left, which then are in the buffer.
  private func has(_ count: Int) throws(ProjectionFailure) -> Bool {
    if filledCount - start >= count { return true }
    guard count <= buffer.count else { return false }
    for place in start..<filledCount { buffer[place - start] = buffer[place] }
    filledCount -= start
    start = 0
    while filledCount < count, offset < end {
      let read = try file.read(into: &buffer, from: filledCount, at: offset)
      guard read > 0 else { throw Self.damage }
      let taken = min(read, end - offset)
      filledCount += taken
      offset += taken
    }
    return filledCount >= count
  }

  private static var damage: ProjectionFailure { .malformedRow(table: "runs") }
}
