internal import LMDB

/// Request ids of the running batch that are not in the table yet.
///
/// They are stored in the order of their keys when the batch ends, which keeps ids that follow the
/// clock close together on few pages.
struct PendingRequests {
  private struct Request {
    /// The first bytes of the key behind the actor's number, so that most comparisons need no more.
    let prefix: UInt64
    let start: Int
    let end: Int
    let position: UInt64
    /// The request added before with the same hash; -1 where there is none.
    let previous: Int
  }

  private var bytes: [UInt8] = []
  private var requests: [Request] = []
  /// Finds requests by a hash of their key; nil where nobody asks (a rebuild decides nothing).
  private var byHash: [Int: Int]?

  init(isSearchable: Bool) { byHash = isSearchable ? [:] : nil }

  var count: Int { requests.count }

  /// Adds the request `id` of the actor with the number `scope`.
  mutating func append(_ scope: AccountNumber, _ id: RawSpan, position: UInt64) {
    let start = bytes.count
    Key.request(scope, id, into: &bytes)
    var previous = -1
    if byHash != nil {
      let hash = Self.hash(of: bytes.rawBytes.extracting(start..<bytes.count))
      previous = byHash?.updateValue(requests.count, forKey: hash) ?? -1
    }
    requests.append(
      Request(
        prefix: prefix(of: start), start: start, end: bytes.count, position: position,
        previous: previous))
  }

  func position(of key: [UInt8]) -> UInt64? {
    guard let byHash, !byHash.isEmpty else { return nil }
    var index = byHash[Self.hash(of: key.rawBytes)] ?? -1
    while index >= 0 {
      let request = requests[index]
      if bytes[request.start..<request.end].elementsEqual(key) { return request.position }
      index = request.previous
    }
    return nil
  }

  /// Shows every request in the order of the keys.
  func forEachSorted<Failure: Error>(
    _ body: (RawSpan, UInt64) throws(Failure) -> Void
  ) throws(Failure) {
    for request in sorted() {
      try body(bytes.rawBytes.extracting(request.start..<request.end), request.position)
    }
  }

  mutating func removeAll() {
    bytes.removeAll(keepingCapacity: true)
    requests.removeAll(keepingCapacity: true)
    byHash?.removeAll(keepingCapacity: true)
  }

  private func sorted() -> [Request] {
    requests.sorted { left, right in
      // Keys of different actors differ in their first four bytes, which the prefix holds.
      if left.prefix != right.prefix { return left.prefix < right.prefix }
      return bytes[left.start..<left.end].lexicographicallyPrecedes(bytes[right.start..<right.end])
    }
  }

  /// The first eight bytes of the key at `start` as a number; missing ones count as zero.
  private func prefix(of start: Int) -> UInt64 {
    if bytes.count - start >= 8 { return bytes.rawBytes.word(at: start).byteSwapped }
    var prefix: UInt64 = 0
    for offset in 0..<8 {
      let place = start + offset
      prefix = prefix << 8 | (place < bytes.count ? UInt64(bytes[place]) : 0)
    }
    return prefix
  }

  private static func hash(of key: RawSpan) -> Int {
    var hasher = Hasher()
    unsafe key.withUnsafeBytes { unsafe hasher.combine(bytes: $0) }
    return hasher.finalize()
  }
}
