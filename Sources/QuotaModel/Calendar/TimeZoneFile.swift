/// What a TZif file says: its transitions and its footer (RFC 9636, section 3).
struct TimeZoneFile {
  struct Transition {
    let second: Int64
    let offset: Int64
  }

  /// The offset before the first transition.
  let firstOffset: Int64
  let transitions: [Transition]
  /// The rule for all times after the last transition, if the file has one.
  let footer: PosixTimeZone?

  init(_ bytes: [UInt8]) throws(TimeZoneFormatError) {
    var cursor = TimeZoneFileCursor(bytes)
    let legacyHeader = try TimeZoneFileHeader(&cursor)
    if legacyHeader.version == 1 {
      (firstOffset, transitions) = try Self.block(legacyHeader, timeSize: 4, &cursor)
      footer = nil
    } else {
      try cursor.skip(legacyHeader.blockSize(timeSize: 4))
      let header = try TimeZoneFileHeader(&cursor)
      guard header.version == legacyHeader.version else { throw .inconsistentCounts }
      (firstOffset, transitions) = try Self.block(header, timeSize: 8, &cursor)
      footer = try Self.footer(&cursor)
    }
    guard cursor.isAtEnd else { throw .trailingBytes }
  }

  private static func block(
    _ header: TimeZoneFileHeader, timeSize: Int, _ cursor: inout TimeZoneFileCursor
  ) throws(TimeZoneFormatError) -> (firstOffset: Int64, transitions: [Transition]) {
    try header.check()
    // What comes after the header is as long as announced, so that no count reserves memory in
    // vain.
    try cursor.require(header.blockSize(timeSize: timeSize))

    let seconds = try transitionTimes(count: header.transitionCount, size: timeSize, &cursor)
    var types: [Int] = []
    for _ in 0..<header.transitionCount { types.append(Int(try cursor.byte())) }
    let offsets = try localTimeOffsets(header, &cursor)
    try cursor.skip(header.designationBytes + header.indicatorBytes)

    var transitions: [Transition] = []
    transitions.reserveCapacity(seconds.count)
    for (second, type) in zip(seconds, types) {
      guard type < offsets.count else { throw .danglingIndex }
      transitions.append(Transition(second: second, offset: offsets[type]))
    }
    return (offsets[0], transitions)
  }

  private static func transitionTimes(
    count: Int, size: Int, _ cursor: inout TimeZoneFileCursor
  ) throws(TimeZoneFormatError) -> [Int64] {
    var seconds: [Int64] = []
    seconds.reserveCapacity(count)
    for _ in 0..<count {
      let second = try cursor.integer(size: size)
      guard supportedTransitions.contains(second) else { throw .transitionOutOfRange(second) }
      if let last = seconds.last, last >= second { throw .unorderedTransitions }
      seconds.append(second)
    }
    return seconds
  }

  private static func localTimeOffsets(
    _ header: TimeZoneFileHeader, _ cursor: inout TimeZoneFileCursor
  ) throws(TimeZoneFormatError) -> [Int64] {
    var offsets: [Int64] = []
    for _ in 0..<header.typeCount {
      let offset = try cursor.integer(size: 4)
      guard supportedOffsets.contains(offset) else { throw .offsetOutOfRange(offset) }
      guard try cursor.byte() <= 1 else { throw .invalidLocalTimeType }
      guard Int(try cursor.byte()) < header.designationBytes else { throw .danglingIndex }
      offsets.append(offset)
    }
    return offsets
  }

  /// A POSIX TZ string between two line feeds; an empty one says nothing.
  private static func footer(
    _ cursor: inout TimeZoneFileCursor
  ) throws(TimeZoneFormatError) -> PosixTimeZone? {
    guard try cursor.byte() == lineFeed else { throw .invalidFooter(offset: 0) }
    var text: [UInt8] = []
    while case let byte = try cursor.byte(), byte != lineFeed { text.append(byte) }
    return text.isEmpty ? nil : try PosixTimeZone(text)
  }

  private static let lineFeed = UInt8(ascii: "\n")

  /// From -2^59, where files put the beginning of time, to the end of the year 9999.
  private static let supportedTransitions = -0x800_0000_0000_0000...Moment.latest.seconds

  /// The bounds that RFC 9636 names; with them local time jumps by less than 51 hours.
  private static let supportedOffsets: ClosedRange<Int64> = -89_999...93_599
}
