/// The offsets of one time zone from UTC, as a TZif file (RFC 9636, before it RFC 8536) states
/// them.
///
/// Moments before the file's first transition have its first offset, moments after the last one
/// follow its footer. Every lookup is a binary search in a table of some hundred entries, whatever
/// the year, because the table holds 400 years of the footer and the Gregorian calendar then
/// repeats.
public struct TimeZoneRules: Hashable, Sendable {
  public let name: String

  /// A fingerprint of what the zone does from 1970 on: FNV-1a (64 bit) over its offsets.
  ///
  /// Another version of the tz database that changes nothing for the zone keeps the digest, and so
  /// do another name and another way to write the same rules into a file. It is stable between
  /// processes, so a store can keep it and notice other rules.
  public let digest: UInt64

  private let table: OffsetTable

  /// Reads the bytes of a TZif file of version 1 to 4; `name` only says what the zone is called.
  public init(name: String, tzif bytes: [UInt8]) throws(TimeZoneFormatError) {
    let file = try TimeZoneFile(bytes)
    self.init(name: name, table: try OffsetTable(file))
  }

  private init(name: String, table: OffsetTable) {
    self.name = name
    self.table = table
    digest = table.digest
  }

  /// UTC, without a file.
  public static let utc = TimeZoneRules(name: "UTC", table: OffsetTable(offset: 0))

  /// The seconds to add to UTC for the time that clocks show at a moment.
  public func offsetSeconds(at moment: Moment) -> Int {
    Int(table.offset(at: moment.seconds))
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(name)
    hasher.combine(digest)
  }

  /// The latest date that clocks have shown up to a second.
  func day(at second: Int64) -> DayNumber {
    DayNumber(ofLocalSecond: table.latestLocalSecond(at: second))
  }

  /// The first second at which clocks showed a date or a later one.
  func start(of day: DayNumber) -> Int64 {
    table.firstSecond(reachingLocal: day.midnight)
  }
}
