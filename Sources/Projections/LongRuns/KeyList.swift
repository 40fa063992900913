internal import LMDB

/// Keys of any length, one behind the other.
struct KeyList: Sendable {
  private(set) var bytes: [UInt8] = []
  /// Where each ends; it begins where the one before ends.
  private var ends: [UInt32] = []

  var count: Int { ends.count }

  /// Adds the key of the request `id` of the actor with the number `scope`.
  mutating func append(_ scope: AccountNumber, _ id: RawSpan) {
    RequestKey.append(scope, id, to: &bytes)
    // It fits by far: rows are stored every few hundred thousand events.
    ends.append(UInt32(bytes.count))
  }

  /// Forgets all keys; the memory stays.
  mutating func removeAll() {
    bytes.removeAll(keepingCapacity: true)
    ends.removeAll(keepingCapacity: true)
  }

  func range(of key: Int) -> Range<Int> {
    (key == 0 ? 0 : Int(ends[key - 1]))..<Int(ends[key])
  }

  /// Eight bytes of a key from `offset` on as a number; missing ones count as zero.
  func word(of key: Int, at offset: Int) -> UInt64 {
    let range = range(of: key)
    let start = range.lowerBound + offset
    if range.upperBound - start >= 8 { return bytes.rawBytes.word(at: start).byteSwapped }
    var word: UInt64 = 0
    for place in start..<start + 8 {
      word = word << 8 | (place < range.upperBound ? UInt64(bytes[place]) : 0)
    }
    return word
  }

  func precedes(_ left: Int, _ right: Int) -> Bool {
    bytes.rawBytes.extracting(range(of: left))
      .precedes(bytes.rawBytes.extracting(range(of: right)))
  }

  /// How many bytes two keys begin with alike, counted up to `limit`.
  func commonByteCount(_ left: Int, _ right: Int, atMost limit: Int) -> Int {
    let left = range(of: left)
    let right = range(of: right)
    let limit = min(limit, right.count)
    var count = 0
    while count + 8 <= limit {
      let difference =
        bytes.rawBytes.word(at: left.lowerBound + count)
        ^ bytes.rawBytes.word(at: right.lowerBound + count)
      if difference != 0 { return count + difference.trailingZeroBitCount / 8 }
      count += 8
    }
    while count < limit, bytes[left.lowerBound + count] == bytes[right.lowerBound + count] {
      count += 1
    }
    return count
  }
}
