internal import LMDB
internal import QuotaModel

/// Rows of the tables `requests` and `history` that a long run has folded, in the order of the log.
///
/// Nobody asks for them while a projection is rebuilt, so they need not be found. The memory serves
/// again for the next ones: fresh memory costs a page fault every 4 KiB.
struct GatheredRows: Sendable {
  struct Block: Sendable {
    let account: AccountNumber
    let block: HistoryBlock
  }

  /// The event before the first one that rows are from.
  private(set) var start: Position
  /// The keys of requests, and how far the event of each lies behind `start`.
  private(set) var keys = KeyList()
  private var offsets: [UInt32] = []
  private(set) var blocks: [Block] = []
  /// The order of the requests, once they are sorted.
  var order = KeyOrder()

  init(after start: Position) { self.start = start }

  /// Adds the request `id` of the actor with the number `scope`.
  mutating func append(_ scope: AccountNumber, _ id: RawSpan, position: UInt64) {
    keys.append(scope, id)
    offsets.append(UInt32(position - start.rawValue))
  }

  mutating func append(_ block: HistoryBlock, of account: AccountNumber) {
    blocks.append(Block(account: account, block: block))
  }

  /// Forgets all rows; the memory stays.
  mutating func removeAll(after start: Position) {
    self.start = start
    keys.removeAll()
    offsets.removeAll(keepingCapacity: true)
    blocks.removeAll(keepingCapacity: true)
  }

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
  mutating func sortRequests() { order.sort(keys) }

  var requestCount: Int { keys.count }

  /// How many of the sorted requests have keys up to `last`.
  func requestCount(upTo last: [UInt8]) -> Int {
    var low = 0
    var high = requestCount
    while low < high {
      let middle = (low + high) / 2
      let key = keys.bytes.rawBytes.extracting(keys.range(of: order[middle]))
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
      let key = keys.bytes.rawBytes.extracting(keys.range(of: request))
      if place + 1 < requestCount,
        key.equals(keys.bytes.rawBytes.extracting(keys.range(of: order[place + 1])))
      {
        continue
      }
      let row = Key.number((start.rawValue + UInt64(offsets[request])).byteSwapped)
      try body(key, row.rawBytes)
    }
  }

  /// Whether the ids follow the clock: whoever came first is sorted first, by and large.
  var followsClock: Bool {
    let half = requestCount / 2
    var early = 0
    for place in 0..<half where order[place] < half { early += 1 }
    return early >= half - half / 8
  }
}
