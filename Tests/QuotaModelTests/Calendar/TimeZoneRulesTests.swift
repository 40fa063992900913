import Foundation
import QuotaModel
import TestSupport
import Testing

@Suite struct `Time zone rules` {
  /// Foundation carries a tz database of its own, mostly of another version than the system's.
  @Test func `give nearly all zones the offsets that Foundation gives`() {
    let zones = ZoneDatabase.distinctZones
    let others = zones.filter { !Self.agreesWithFoundation($0, inYears: 1970..<2100) }
    let names = others.map(\.name).joined(separator: ", ")
    #expect(zones.count > 250)
    #expect(others.count * 10 < zones.count, "\(names)")
  }

  @Test(arguments: [
    "UTC", "Africa/Cairo", "Africa/Monrovia", "America/New_York", "America/Sao_Paulo",
    "America/St_Johns", "Asia/Kathmandu", "Australia/Lord_Howe", "Europe/Dublin", "Europe/Tallinn",
    "Pacific/Apia", "Pacific/Chatham", "Pacific/Kwajalein",
  ])
  func `give the offsets that Foundation gives for settled years`(name: String) {
    #expect(Self.agreesWithFoundation(ZoneDatabase.rules(name), inYears: 1970..<2024))
  }

  @Test func `repeat every 400 years beyond every file`() throws {
    var numbers = SeededNumbers()
    let cycle: Int64 = 146_097 * 86_400
    for zone in ZoneDatabase.distinctZones {
      for change in zone.offsetChanges(inYears: 2097..<2104) {
        let later = Int64.random(in: 1...18, using: &numbers) * cycle
        for moment in [change, change.advanced(byMicroseconds: -1)] {
          let copy = moment.advanced(bySeconds: later)
          try #require(
            zone.offsetSeconds(at: copy) == zone.offsetSeconds(at: moment),
            "\(zone.name), \(copy.rfc3339), seed \(numbers.seed)")
        }
      }
    }
  }

  @Test func `have a digest of their content alone`() throws {
    let zone = ZoneDatabase.rules("Europe/Tallinn")
    let renamed = try TimeZoneRules(name: "Home", tzif: ZoneDatabase.bytes("Europe/Tallinn"))
    #expect(renamed.digest == zone.digest)
    #expect(renamed != zone)
    #expect(ZoneDatabase.rules("Europe/Riga").digest != zone.digest)
  }

  /// The figures come from another implementation; stores keep digests, so they never change.
  @Test func `have a digest that stays the same for ever`() throws {
    #expect(TimeZoneRules.utc.digest == Self.utcDigest)
    let east = try TimeZoneFileSketch(offsets: [7200]).rules
    #expect(east.digest == Self.eastDigest)
    let sketch = TimeZoneFileSketch(transitions: [(1_000_000_000, 1)], offsets: [0, 3600])
    #expect(try sketch.rules.digest == Self.changeDigest)
  }

  @Test func `do not depend on how many transitions a file lists`() throws {
    let footer = "EET-2EEST,M3.5.0/3,M10.5.0/4"
    let offsets: [Int32] = [7200, 10_800]
    let short = TimeZoneFileSketch(
      transitions: [(1_774_746_000, 1)], offsets: offsets, footer: footer)
    let long = TimeZoneFileSketch(
      version: "3",
      transitions: [
        (1_774_746_000, 1), (1_792_890_000, 0), (1_806_195_600, 1), (1_824_944_400, 0),
      ],
      offsets: offsets, footer: footer)
    #expect(try short.rules == long.rules)
    #expect(try short.rules.digest == long.rules.digest)
  }

  @Test func `notice another version of the database`() throws {
    var sketch = TimeZoneFileSketch(
      transitions: [(1_774_746_000, 1)], offsets: [7200, 10_800],
      footer: "EET-2EEST,M3.5.0/3,M10.5.0/4")
    let before = try sketch.rules
    sketch.footer = "EET-2EEST,M3.5.0/3,M10.4.0/4"
    #expect(try sketch.rules.digest != before.digest)
    #expect(try sketch.rules != before)
  }

  private static let utcDigest: UInt64 = 0x4994_28c1_6aad_66c3
  private static let eastDigest: UInt64 = 0x87b2_65b7_50a4_61f7
  private static let changeDigest: UInt64 = 0x3bd5_5914_49ea_c394

  /// Compared at every change of the offset and every 25 days.
  private static func agreesWithFoundation(
    _ zone: TimeZoneRules, inYears years: Range<Int>
  ) -> Bool {
    guard let oracle = TimeZone(identifier: zone.name) else { return false }
    let changes = zone.offsetChanges(inYears: years)
    let regular = stride(
      from: Moment.startOfYear(years.lowerBound).microseconds,
      to: Moment.startOfYear(years.upperBound).microseconds, by: 25 * 86_400_777_777
    ).map(Moment.init(microseconds:))
    return (changes + changes.map { $0.advanced(bySeconds: -1) } + regular).allSatisfy { moment in
      zone.offsetSeconds(at: moment) == oracle.secondsFromGMT(for: moment.foundationDate)
    }
  }
}
