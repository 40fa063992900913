/// The offsets of a time zone over time, all times in seconds.
///
/// Local time jumps back as well as forward, so "the first moment of a date" needs more than the
/// offsets: each stretch also knows how far local time had come before it. That mark never falls
/// back, so both questions, from UTC to local time and from local time to UTC, are binary searches.
struct OffsetTable: Hashable, Sendable {
  /// A time of one offset, up to the start of the next stretch.
  struct Stretch: Hashable, Sendable {
    let start: Int64
    /// Local time had come up to here, exclusive, when the stretch started.
    let reached: Int64
    let offset: Int64
  }

  /// In ascending order, neighbours with different offsets; the first one starts at `Int64.min`.
  private(set) var stretches: [Stretch]

  /// From here on every 400 years are alike, and the table holds the first ones; nil if the last
  /// stretch has no end.
  private(set) var cycleStart: Int64?

  /// One offset for ever.
  init(offset: Int64) {
    stretches = [Stretch(start: .min, reached: .min, offset: offset)]
    cycleStart = nil
  }

  /// Lets another offset begin, which is no earlier than the last one; at the same second the later
  /// call counts.
  mutating func append(offset: Int64, from start: Int64) {
    if let last = stretches.last, last.start == start { stretches.removeLast() }
    guard let last = stretches.last else {
      return stretches.append(Stretch(start: start, reached: .min, offset: offset))
    }
    guard last.offset != offset else { return }
    let reached = max(last.reached, start + last.offset)
    stretches.append(Stretch(start: start, reached: reached, offset: offset))
  }

  mutating func repeatEvery400Years(from start: Int64) {
    cycleStart = start
  }

  static let cycle = DayNumber.daysPerCycle * DayNumber.seconds
}

extension OffsetTable {
  func offset(at second: Int64) -> Int64 {
    let folded = second - shift(of: second)
    return stretches[lastIndex { $0.start <= folded }].offset
  }

  /// The latest local second that clocks have shown up to a second.
  func latestLocalSecond(at second: Int64) -> Int64 {
    let shift = shift(of: second)
    let folded = second - shift
    let stretch = stretches[lastIndex { $0.start <= folded }]
    guard stretch.reached > folded + stretch.offset else { return second + stretch.offset }
    return stretch.reached - 1 + shift
  }

  /// The first second at which clocks show a local second or a later one.
  func firstSecond(reachingLocal local: Int64) -> Int64 {
    let shift = shift(of: local)
    let folded = local - shift
    let stretch = stretches[lastIndex { $0.reached <= folded }]
    return max(stretch.start, folded - stretch.offset) + shift
  }

  /// How many seconds, a multiple of 400 years, a time lies behind its like within the table.
  private func shift(of second: Int64) -> Int64 {
    guard let cycleStart, second >= cycleStart + Self.cycle else { return 0 }
    return (second - cycleStart) / Self.cycle * Self.cycle
  }

  /// The last stretch for which `holds`, which is true for the first one and then up to some point.
  @inline(__always)
  private func lastIndex(where holds: (Stretch) -> Bool) -> Int {
    var low = 0
    var high = stretches.count
    while high - low > 1 {
      let middle = (low + high) / 2
      if holds(stretches[middle]) { low = middle } else { high = middle }
    }
    return low
  }
}

extension OffsetTable {
  /// FNV-1a, 64 bit, over the start and the offset of every stretch of the supported years.
  ///
  /// The first one counts from ``digestStart``, because the tz database keeps changing its guesses
  /// about the times before 1970.
  var digest: UInt64 {
    var hash = FowlerNollVo64()
    for (index, stretch) in stretches.enumerated() {
      let end = index + 1 < stretches.count ? stretches[index + 1].start : .max
      guard end > Self.digestStart else { continue }
      hash.combine(max(stretch.start, Self.digestStart))
      hash.combine(stretch.offset)
    }
    hash.combine(cycleStart ?? .max)
    return hash.value
  }

  /// 1969-11-01T00:00:00Z: before the first moment of the month that 1970 begins in, in any zone.
  private static let digestStart: Int64 = -61 * DayNumber.seconds
}
