internal import LMDB

/// Request ids of the running batch that are not in the table yet.
///
/// They are stored in the order of their keys when the batch ends, which keeps ids that follow the
/// clock close together on few pages.
struct PendingRequests {
  private struct Request {
    let position: UInt64
    let hash: UInt64
  }

  private var keys = KeyList()
  private var requests: [Request] = []
  /// Index plus one of the request whose key hashes to the place, or to a place shortly before it; zero
  /// is free. The count is a power of two; empty where nobody asks, for a rebuild decides nothing.
  private var table: [UInt32]

  init(isSearchable: Bool) { table = isSearchable ? Array(repeating: 0, count: 1024) : [] }

  private var isSearchable: Bool { !table.isEmpty }

  var count: Int { requests.count }

  /// Adds the request `id` of the actor with the number `scope`.
  mutating func append(_ scope: AccountNumber, _ id: RawSpan, position: UInt64) {
    keys.append(scope, id)
    let key = keys.range(of: requests.count)
    let hash = isSearchable ? Self.hash(of: keys.bytes.rawBytes.extracting(key)) : 0
    requests.append(Request(position: position, hash: hash))
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
    place(
      of: keys.bytes.rawBytes.extracting(keys.range(of: index)), hash: requests[index].hash)
  }

  /// Where the request with this key is in the table, or would be.
  private func place(of key: RawSpan, hash: UInt64) -> Int {
    var place = Int(truncatingIfNeeded: hash) & (table.count - 1)
    while table[place] != 0 {
      let index = Int(table[place]) - 1
      if requests[index].hash == hash,
        keys.bytes.rawBytes.extracting(keys.range(of: index)).equals(key)
      {
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
    var order = KeyOrder()
    order.sort(keys)
    for index in requests.indices {
      let key = keys.bytes.rawBytes.extracting(keys.range(of: order[index]))
      try body(key, requests[order[index]].position)
    }
  }

  mutating func removeAll() {
    keys.removeAll()
    requests.removeAll(keepingCapacity: true)
    // Not cleared in place: whoever stores the requests still has the old one.
    table = Array(repeating: 0, count: table.count)
  }

  private static func hash(of key: RawSpan) -> UInt64 {
    var hasher = Hasher()
    unsafe key.withUnsafeBytes { unsafe hasher.combine(bytes: $0) }
    return UInt64(bitPattern: Int64(hasher.finalize()))
  }
}
