/// The header of a TZif data block: which version it has and how many entries of each kind.
struct TimeZoneFileHeader {
  let version: Int
  let utcIndicatorCount: Int
  let standardIndicatorCount: Int
  let leapSecondCount: Int
  let transitionCount: Int
  let typeCount: Int
  let designationBytes: Int

  init(_ cursor: inout TimeZoneFileCursor) throws(TimeZoneFormatError) {
    for byte in "TZif".utf8 {
      guard try cursor.byte() == byte else { throw .notTimeZoneFile }
    }
    version = try Self.version(of: cursor.byte())
    try cursor.skip(15)
    utcIndicatorCount = try cursor.count()
    standardIndicatorCount = try cursor.count()
    leapSecondCount = try cursor.count()
    transitionCount = try cursor.count()
    typeCount = try cursor.count()
    designationBytes = try cursor.count()
  }

  private static func version(of byte: UInt8) throws(TimeZoneFormatError) -> Int {
    switch byte {
    case 0: return 1
    case UInt8(ascii: "2")...UInt8(ascii: "4"): return Int(byte - UInt8(ascii: "0"))
    default: throw .unsupportedVersion(byte)
    }
  }

  /// The length of the data block, which cannot overflow with counts of 32 bits.
  func blockSize(timeSize: Int) -> Int {
    transitionCount * (timeSize + 1) + typeCount * 6 + designationBytes
      + leapSecondCount * (timeSize + 4) + indicatorBytes
  }

  var indicatorBytes: Int { standardIndicatorCount + utcIndicatorCount }

  /// What RFC 9636 demands of the counts, and that there are no leap seconds.
  func check() throws(TimeZoneFormatError) {
    guard typeCount > 0, typeCount <= 256, designationBytes > 0,
      utcIndicatorCount == 0 || utcIndicatorCount == typeCount,
      standardIndicatorCount == 0 || standardIndicatorCount == typeCount
    else { throw .inconsistentCounts }
    guard leapSecondCount == 0 else { throw .leapSeconds }
  }
}
