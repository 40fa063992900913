/// Gathers the body of one request, or counts what is dropped of it, up to a limit.
struct BodyBuffer {
  private(set) var bytes: [UInt8] = []
  private let limit: Int
  let keeps: Bool
  private var count = 0

  /// A body of up to `limit` bytes, kept or only let pass.
  init(limit: Int, keeps: Bool) {
    self.limit = limit
    self.keeps = keeps
  }

  /// Announces `size` more bytes.
  ///
  /// Their memory is not taken before they come: a client that only promises costs nothing.
  mutating func makeRoom(for size: Int) throws(Refusal) {
    guard size <= limit - count else { throw .bodyTooLarge }
    count += size
  }

  mutating func take(_ part: Span<UInt8>, _ range: Range<Int>) {
    guard keeps else { return }
    if bytes.count + range.count > bytes.capacity { grow(for: range.count) }
    bytes.append(part, from: range.lowerBound, to: range.upperBound)
  }

  /// Bytes that are copied in no time; moving megabytes takes milliseconds.
  private static let movableByteCount = 256 << 10

  /// Takes addresses for all that may come, which cost nothing until something is written there, before there is
  /// much to move; but not for those who only promise.
  private mutating func grow(for size: Int) {
    let needed = bytes.count + size
    bytes.reserveCapacity(needed < Self.movableByteCount ? 2 * needed : limit)
  }
}
