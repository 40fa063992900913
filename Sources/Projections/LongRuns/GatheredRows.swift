internal import LMDB
internal import QuotaModel

/// Rows of the tables `requests` and `history` that a long run has folded, in the order of the log.
///
/// Nobody asks for them while a projection is rebuilt, so they need not be found. The memory serves
/// again for the next ones: fresh memory costs a page fault every 4 KiB.
struct GatheredRows: Sendable {
  struct Request: Sendable {
    /// Where its key ends in `keys`; it begins where the one before ends.
    let end: UInt32
    /// How far its event lies behind `start`.
    let offset: UInt32
  }

  struct Block: Sendable {
    let account: AccountNumber
    let block: HistoryBlock
  }

  /// The event before the first one that rows are from.
  private(set) var start: Position
  private(set) var keys: [UInt8] = []
  private(set) var requests: [Request] = []
  private(set) var blocks: [Block] = []
  /// The order of the requests, once they are sorted.
  var order = KeyOrder()

  init(after start: Position) { self.start = start }

  /// Adds the request `id` of the actor with the number `scope`.
  mutating func append(_ scope: AccountNumber, _ id: RawSpan, position: UInt64) {
    RequestKey.append(scope, id, to: &keys)
    // Both fit by far: rows are stored every few hundred thousand events.
    requests.append(
      Request(end: UInt32(keys.count), offset: UInt32(position - start.rawValue)))
  }

  mutating func append(_ block: HistoryBlock, of account: AccountNumber) {
    blocks.append(Block(account: account, block: block))
  }

  /// Forgets all rows; the memory stays.
  mutating func removeAll(after start: Position) {
    self.start = start
    keys.removeAll(keepingCapacity: true)
    requests.removeAll(keepingCapacity: true)
    blocks.removeAll(keepingCapacity: true)
  }

  func keyRange(of request: Int) -> Range<Int> {
    let from = request == 0 ? 0 : Int(requests[request - 1].end)
    return from..<Int(requests[request].end)
  }

  func position(of request: Int) -> UInt64 { start.rawValue + UInt64(requests[request].offset) }

  /// Shows the blocks in the order of their keys.
  func forEachBlock<Failure: Error>(
    _ body: (RawSpan, RawSpan) throws(Failure) -> Void
  ) throws(Failure) {
    // Of one account the earlier block comes first, and it was added first.
    var order = blocks.indices.map { UInt64(blocks[$0].account.rawValue) << 32 | UInt64($0) }
    order.sort()
    for word in order {
      let row = blocks[Int(word & 0xFFFF_FFFF)]
      let key = Key.history(row.account, from: row.block.positions[0])
      try body(key.rawBytes, row.block.positions.rawBytes)
    }
  }
}

extension GatheredRows {
  mutating func sortRequests() { order.sort(requests, keys: keys) }

  /// How many of the sorted requests have keys up to `last`.
  func requestCount(upTo last: [UInt8]) -> Int {
    var low = 0
    var high = requests.count
    while low < high {
      let middle = (low + high) / 2
      let key = keys.rawBytes.extracting(keyRange(of: order[middle]))
      if last.rawBytes.precedes(key) { high = middle } else { low = middle + 1 }
    }
    return low
  }

  /// Shows the sorted requests at `places`, each key once, with the latest position of it.
  func forEachRequest<Failure: Error>(
    at places: Range<Int>, _ body: (RawSpan, RawSpan) throws(Failure) -> Void
  ) throws(Failure) {
    for place in places {
      let request = order[place]
      let key = keys.rawBytes.extracting(keyRange(of: request))
      if place + 1 < requests.count,
        key.equals(keys.rawBytes.extracting(keyRange(of: order[place + 1])))
      {
        continue
      }
      let row = Key.number(position(of: request).byteSwapped)
      try body(key, row.rawBytes)
    }
  }

  /// Whether the ids follow the clock: whoever came first is sorted first, by and large.
  var followsClock: Bool {
    let half = requests.count / 2
    var early = 0
    for place in 0..<half where order[place] < half { early += 1 }
    return early >= half - half / 8
  }
}
