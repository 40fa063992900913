/// Request ids of the running batch that are not in the table yet.
///
/// They are stored in the order of their keys when the batch ends, which keeps ids that follow the
/// clock close together on few pages.
struct PendingRequests {
  private struct Request {
    let start: Int
    let end: Int
    let position: UInt64
  }

  private var bytes: [UInt8] = []
  private var requests: [Request] = []
  /// Finds requests by a hash of their key; nil where nobody asks (a rebuild decides nothing).
  private var byHash: [Int: [Int]]?

  init(isSearchable: Bool) { byHash = isSearchable ? [:] : nil }

  var count: Int { requests.count }

  mutating func append(_ key: [UInt8], position: UInt64) {
    let start = bytes.count
    bytes.append(contentsOf: key)
    byHash?[key.hashValue, default: []].append(requests.count)
    requests.append(Request(start: start, end: bytes.count, position: position))
  }

  func position(of key: [UInt8]) -> UInt64? {
    guard let candidates = byHash?[key.hashValue] else { return nil }
    return candidates.lazy.map { requests[$0] }
      .first { bytes[$0.start..<$0.end].elementsEqual(key) }?.position
  }

  /// Shows every request in the order of the keys.
  func forEachSorted<Failure: Error>(
    _ body: (ArraySlice<UInt8>, UInt64) throws(Failure) -> Void
  ) throws(Failure) {
    let sorted = requests.sorted { left, right in
      bytes[left.start..<left.end].lexicographicallyPrecedes(bytes[right.start..<right.end])
    }
    for request in sorted {
      try body(bytes[request.start..<request.end], request.position)
    }
  }

  mutating func removeAll() {
    bytes.removeAll(keepingCapacity: true)
    requests.removeAll(keepingCapacity: true)
    byHash?.removeAll(keepingCapacity: true)
  }
}
