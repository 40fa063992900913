internal import LMDB

/// Request ids of the running batch that are not in the table yet.
///
/// They are stored in the order of their keys when the batch ends, which keeps ids that follow the
/// clock close together on few pages.
struct PendingRequests {
  private struct Request {
    let start: Int
    let end: Int
    let position: UInt64
    let hash: UInt64
  }

  private var bytes: [UInt8] = []
  private var requests: [Request] = []
  /// Index plus one of the request whose key hashes to the place, or to a place shortly before it; zero
  /// is free. The count is a power of two; empty where nobody asks, for a rebuild decides nothing.
  private var table: [UInt32]

  init(isSearchable: Bool) { table = isSearchable ? Array(repeating: 0, count: 1024) : [] }

  private var isSearchable: Bool { !table.isEmpty }

  var count: Int { requests.count }

  /// Adds the request `id` of the actor with the number `scope`.
  mutating func append(_ scope: AccountNumber, _ id: RawSpan, position: UInt64) {
    let start = bytes.count
    RequestKey.append(scope, id, to: &bytes)
    let hash = isSearchable ? Self.hash(of: bytes.rawBytes.extracting(start..<bytes.count)) : 0
    requests.append(
      Request(start: start, end: bytes.count, position: position, hash: hash))
    guard isSearchable else { return }
    if requests.count * 2 > table.count { growTable() } else { place(requests.count - 1) }
  }

  func position(of key: [UInt8]) -> UInt64? {
    guard isSearchable, !requests.isEmpty else { return nil }
    let found = table[place(of: key.rawBytes, hash: Self.hash(of: key.rawBytes))]
    return found == 0 ? nil : requests[Int(found) - 1].position
  }

  private mutating func growTable() {
    table = Array(repeating: 0, count: table.count * 2)
    for index in requests.indices { place(index) }
  }

  /// Enters a request; one with the same key before it is found no more.
  private mutating func place(_ index: Int) {
    let place = place(ofRequest: index)
    table[place] = UInt32(index + 1)
  }

  private func place(ofRequest index: Int) -> Int {
    let request = requests[index]
    return place(
      of: bytes.rawBytes.extracting(request.start..<request.end), hash: request.hash)
  }

  /// Where the request with this key is in the table, or would be.
  private func place(of key: RawSpan, hash: UInt64) -> Int {
    var place = Int(truncatingIfNeeded: hash) & (table.count - 1)
    while table[place] != 0 {
      let request = requests[Int(table[place]) - 1]
      if request.hash == hash, bytes.rawBytes.extracting(request.start..<request.end).equals(key) {
        return place
      }
      place = (place + 1) & (table.count - 1)
    }
    return place
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
    // Not cleared in place: whoever stores the requests still has the old one.
    table = Array(repeating: 0, count: table.count)
  }

  /// The requests in the order of their keys.
  private func sorted() -> [Request] {
    // Ids of one time and one maker begin alike: what tells them apart comes behind that.
    let common = commonByteCount
    var order = requests.indices.map { (word: word(of: requests[$0], at: common), index: $0) }
    order.sort { left, right in
      if left.word != right.word { return left.word < right.word }
      return key(of: requests[left.index]).lexicographicallyPrecedes(
        key(of: requests[right.index]))
    }
    return order.map { requests[$0.index] }
  }

  /// How many bytes all keys begin with alike.
  private var commonByteCount: Int {
    guard let first = requests.first else { return 0 }
    let text = key(of: first)
    var count = text.count
    for request in requests {
      let other = key(of: request)
      count = min(count, other.count)
      var same = 0
      while same < count, text[text.startIndex + same] == other[other.startIndex + same] {
        same += 1
      }
      count = same
    }
    return count
  }

  private func key(of request: Request) -> ArraySlice<UInt8> { bytes[request.start..<request.end] }

  /// Eight bytes of the key from `offset` on as a number; missing ones count as zero.
  private func word(of request: Request, at offset: Int) -> UInt64 {
    let start = request.start + offset
    if request.end - start >= 8 { return bytes.rawBytes.word(at: start).byteSwapped }
    var word: UInt64 = 0
    for place in start..<start + 8 {
      word = word << 8 | (place < request.end ? UInt64(bytes[place]) : 0)
    }
    return word
  }

  private static func hash(of key: RawSpan) -> UInt64 {
    var hasher = Hasher()
    unsafe key.withUnsafeBytes { unsafe hasher.combine(bytes: $0) }
    return UInt64(bitPattern: Int64(hasher.finalize()))
  }
}
