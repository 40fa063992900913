internal import LMDB

/// The order of keys of any length, found by looking at eight bytes of each at a time.
///
/// Ids of one time and one maker begin alike, so the bytes are taken from behind what all have in
/// common. They are sorted by counting: a comparison of two keys costs more than all counts of one.
struct KeyOrder: Sendable {
  private struct Place: Sendable {
    var word: UInt64
    let key: UInt32
  }

  /// Up to so many keys are compared with each other.
  private static let smallCount = 24

  private var places: [Place] = []
  private var spare: [Place] = []
  /// Only where more keys than a few are sorted.
  private var counts: [Int] = []

  /// The key that is sorted to `place`.
  subscript(place: Int) -> Int { Int(places[place].key) }

  /// Sorts; of equal keys the earlier one stays first.
  mutating func sort(_ keys: KeyList) {
    places.removeAll(keepingCapacity: true)
    places.reserveCapacity(keys.count)
    for key in 0..<keys.count { places.append(Place(word: 0, key: UInt32(key))) }
    if places.count > Self.smallCount, counts.isEmpty {
      counts = Array(repeating: 0, count: 256 * 8)
    }
    spare.removeLast(max(0, spare.count - places.count))
    while spare.count < places.count { spare.append(Place(word: 0, key: 0)) }
    sort(places.indices, behind: 0, keys)
  }

  /// Sorts keys that are alike up to `known`, zeros taken for what is missing.
  private mutating func sort(_ range: Range<Int>, behind known: Int, _ keys: KeyList) {
    guard range.count > Self.smallCount else { return sortByComparing(range, keys) }
    let offset = max(known, commonByteCount(of: range, keys))
    for place in range {
      places[place].word = keys.word(of: Int(places[place].key), at: offset)
    }
    sortByCounting(range)
    guard places[range.lowerBound].word != places[range.upperBound - 1].word else {
      return sortByComparing(range, keys)
    }
    var start = range.lowerBound
    while start < range.upperBound {
      var end = start + 1
      while end < range.upperBound, places[end].word == places[start].word { end += 1 }
      if end - start > 1 { sort(start..<end, behind: offset + 8, keys) }
      start = end
    }
  }

  /// Sorts by inserting: few keys, or ones that are equal and in order already.
  private mutating func sortByComparing(_ range: Range<Int>, _ keys: KeyList) {
    for next in range.dropFirst() {
      let moving = places[next]
      var place = next
      while place > range.lowerBound,
        keys.precedes(Int(moving.key), Int(places[place - 1].key))
      {
        places[place] = places[place - 1]
        place -= 1
      }
      places[place] = moving
    }
  }

  /// Sorts by the words, one byte after the other, the least significant first.
  private mutating func sortByCounting(_ range: Range<Int>) {
    Self.countBytes(of: places, range, in: &counts)
    let any = places[range.lowerBound].word
    for byte in 0..<8 {
      // Where all have the same byte there is nothing to sort.
      if counts[byte << 8 | Int(any >> UInt64(byte * 8) & 0xFF)] == range.count { continue }
      Self.distribute(places, to: &spare, range, byte, &counts)
      if range.count == places.count {
        swap(&places, &spare)
      } else {
        for place in range { places[place] = spare[place] }
      }
    }
  }

  /// Counts how often each value is each byte of the words.
  private static func countBytes(
    of places: [Place], _ range: Range<Int>, in counts: inout [Int]
  ) {
    let places = places.span
    var counts = counts.mutableSpan
    for index in counts.indices { counts[index] = 0 }
    for place in range {
      var word = places[place].word
      for byte in 0..<8 {
        counts[byte << 8 | Int(word & 0xFF)] += 1
        word >>= 8
      }
    }
  }

  /// Moves a range to where one byte of the words says.
  private static func distribute(
    _ places: [Place], to spare: inout [Place], _ range: Range<Int>, _ byte: Int,
    _ counts: inout [Int]
  ) {
    let places = places.span
    var spare = spare.mutableSpan
    var counts = counts.mutableSpan
    var next = range.lowerBound
    for value in byte << 8..<(byte + 1) << 8 {
      let count = counts[value]
      counts[value] = next
      next += count
    }
    let shift = UInt64(byte * 8)
    for place in range {
      let moving = places[place]
      let value = byte << 8 | Int(moving.word >> shift & 0xFF)
      spare[counts[value]] = moving
      counts[value] += 1
    }
  }

  /// How many bytes all keys of a range begin with alike.
  private func commonByteCount(of range: Range<Int>, _ keys: KeyList) -> Int {
    let first = Int(places[range.lowerBound].key)
    var count = keys.range(of: first).count
    for place in range.dropFirst() {
      count = keys.commonByteCount(first, Int(places[place].key), atMost: count)
    }
    return count
  }
}
