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
    if keeps { bytes.append(part, from: range.lowerBound, to: range.upperBound) }
  }
}
