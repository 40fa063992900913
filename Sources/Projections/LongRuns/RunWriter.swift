internal import Glibc
internal import LMDB

/// The tables that runs keep rows for, in the order of a run's file.
enum RunTable: Int, CaseIterable, Sendable {
  case history
  case requests
}

/// Writes a run: the rows of each table in the order of their keys.
///
///     offset  bytes
///          0      8  `quotarun`
///          8      8  where the rows of `requests` begin, little-endian
///         16         the rows: length of the key, length of the value (2 bytes each), key, value
///
/// It gets its name when it is whole, so that a process that is killed leaves no half of one.
struct RunWriter: ~Copyable {
  static let headerByteCount = 16
  static let mark = Array("quotarun".utf8)
  static let temporaryName = "run.new"
  private static let bufferByteCount = 1 << 20

  private let file: RunFile
  private let directory: String
  private var buffer: [UInt8] = []
  private var flushedByteCount = 0
  private var requestsOffset = UInt64(headerByteCount)

  init(in directory: String) throws(ProjectionFailure) {
    self.directory = directory
    file = try RunFile(
      "\(directory)/\(Self.temporaryName)", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC)
    buffer.reserveCapacity(Self.bufferByteCount + 1024)
    buffer.append(contentsOf: Self.mark)
    buffer.appendInteger(requestsOffset)
  }

  /// Adds a row of the table that is being written.
  mutating func append(_ key: RawSpan, _ value: RawSpan) throws(ProjectionFailure) {
    buffer.appendInteger(UInt16(key.byteCount))
    buffer.appendInteger(UInt16(value.byteCount))
    unsafe key.withUnsafeBytes { unsafe buffer.append(contentsOf: $0) }
    unsafe value.withUnsafeBytes { unsafe buffer.append(contentsOf: $0) }
    if buffer.count >= Self.bufferByteCount { try flush() }
  }

  /// Goes on with the rows of `requests`.
  mutating func beginRequests() { requestsOffset = UInt64(flushedByteCount + buffer.count) }

  consuming func finish(as name: RunName) throws(ProjectionFailure) {
    try flush()
    var offset: [UInt8] = []
    offset.appendInteger(requestsOffset)
    try file.write(offset, at: Self.mark.count)
    try file.rename(to: "\(directory)/\(name.text)")
  }

  private mutating func flush() throws(ProjectionFailure) {
    try file.write(buffer, at: flushedByteCount)
    flushedByteCount += buffer.count
    buffer.removeAll(keepingCapacity: true)
  }
}
