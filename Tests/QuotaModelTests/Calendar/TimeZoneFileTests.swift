import QuotaModel
import TestSupport
import Testing

@Suite struct `A time zone file` {
  private static let sketch = TimeZoneFileSketch(
    transitions: [(500_000_000, 1), (1_000_000_000, 2)], offsets: [600, 7200, 3600])

  @Test(arguments: ["1", "2", "3", "4"] as [Character])
  func `is read in every version`(version: Character) throws {
    var sketch = Self.sketch
    sketch.version = version
    let rules = try sketch.rules
    #expect(rules.offsetSeconds(at: Moment(microseconds: 499_999_999_999_999)) == 600)
    #expect(rules.offsetSeconds(at: Moment(microseconds: 500_000_000_000_000)) == 7200)
    #expect(rules.offsetSeconds(at: Moment(microseconds: 999_999_999_999_999)) == 7200)
    #expect(rules.offsetSeconds(at: Moment(microseconds: 1_000_000_000_000_000)) == 3600)
    #expect(rules.offsetSeconds(at: .latest) == 3600)
  }

  @Test func `gives moments before its first transition its first type`() throws {
    #expect(try Self.sketch.rules.offsetSeconds(at: .earliest) == 600)
    #expect(try Self.sketch.rules.offsetSeconds(at: Moment(microseconds: .min)) == 600)
    #expect(
      ZoneDatabase.rules("Europe/Tallinn").offsetSeconds(at: Moment(microseconds: .min)) == 5940)
  }

  @Test(arguments: [
    (TimeZoneFileSketch(version: "5"), TimeZoneFormatError.unsupportedVersion(0x35)),
    (TimeZoneFileSketch(offsets: []), .inconsistentCounts),
    (TimeZoneFileSketch(offsets: Array(repeating: 0, count: 257)), .inconsistentCounts),
    (TimeZoneFileSketch(leapSeconds: 1), .leapSeconds),
    (TimeZoneFileSketch(transitions: [(0, 1)]), .danglingIndex),
    (TimeZoneFileSketch(transitions: [(5, 0), (5, 0)]), .unorderedTransitions),
    (TimeZoneFileSketch(transitions: [(5, 0), (4, 0)]), .unorderedTransitions),
    (TimeZoneFileSketch(transitions: [(.max, 0)]), .transitionOutOfRange(.max)),
    (TimeZoneFileSketch(transitions: [(.min, 0)]), .transitionOutOfRange(.min)),
    (TimeZoneFileSketch(offsets: [93_600]), .offsetOutOfRange(93_600)),
    (TimeZoneFileSketch(offsets: [-90_000]), .offsetOutOfRange(-90_000)),
    (TimeZoneFileSketch(offsets: [.min]), .offsetOutOfRange(Int64(Int32.min))),
  ])
  func `is refused for what is wrong with it`(
    sketch: TimeZoneFileSketch, error: TimeZoneFormatError
  ) {
    #expect(throws: error) { try sketch.rules }
    #expect(!error.description.isEmpty)
  }

  @Test func `is refused if it is something else`() {
    for bytes in [Array("TZfi".utf8), Array("#!/bin/sh\n".utf8)] {
      #expect(throws: TimeZoneFormatError.notTimeZoneFile) {
        try TimeZoneRules(name: "Sketch", tzif: bytes)
      }
    }
  }

  @Test func `is refused if it counts leap seconds`() throws {
    let bytes = TimeZoneFileSketch(version: "4", leapSeconds: 27).bytes
    #expect(throws: TimeZoneFormatError.leapSeconds) {
      try TimeZoneRules(name: "right/UTC", tzif: bytes)
    }
  }

  @Test func `is refused if a single byte is missing or left over`() throws {
    let bytes = try ZoneDatabase.bytes("Europe/Tallinn")
    for length in bytes.indices {
      #expect(throws: TimeZoneFormatError.truncated) {
        try TimeZoneRules(name: "Short", tzif: Array(bytes.prefix(length)))
      }
    }
    #expect(throws: TimeZoneFormatError.trailingBytes) {
      try TimeZoneRules(name: "Long", tzif: bytes + [0])
    }
  }

  @Test func `may list changes billions of years ago`() throws {
    let rules = try TimeZoneFileSketch(
      transitions: [(-0x800_0000_0000_0000, 0)], footer: "AAA0BBB,M3.5.0,M10.5.0"
    ).rules
    #expect(rules.offsetSeconds(at: .at("1970-07-01T00:00:00Z")) == 3600)
  }

  /// Damage is refused with an error, or leaves rules whose windows still tile time.
  @Test func `cannot do harm when damaged`() throws {
    var numbers = SeededNumbers()
    let originals = try ["Europe/Tallinn", "Pacific/Apia", "Asia/Tokyo", "Etc/UTC"]
      .map(ZoneDatabase.bytes)
    var accepted = 0
    for _ in 0..<3_000 {
      var bytes = try #require(originals.randomElement(using: &numbers))
      Self.damage(&bytes, using: &numbers)
      guard let rules = try? TimeZoneRules(name: "Damaged", tzif: bytes) else { continue }
      accepted += 1
      let calendar = QuotaCalendar(zone: rules, weekStart: .sunday)
      let end = Moment.startOfYear(try #require([2050, 9999].randomElement(using: &numbers)))
      let moment = Moment(microseconds: .random(in: 0..<end.microseconds, using: &numbers))
      for period in Period.allCases {
        try #require(
          calendar.tiles(period, around: moment),
          "\(period), \(moment.rfc3339), seed \(numbers.seed)")
      }
    }
    #expect(accepted > 0)
  }

  private static func damage(_ bytes: inout [UInt8], using numbers: inout SeededNumbers) {
    for _ in 0..<Int.random(in: 1...4, using: &numbers) {
      let index = Int.random(in: 0..<bytes.count, using: &numbers)
      switch Int.random(in: 0..<8, using: &numbers) {
      case 0: bytes.remove(at: index)
      case 1: bytes.insert(.random(in: 0...255, using: &numbers), at: index)
      case 2: bytes[Int.random(in: 0..<44, using: &numbers)] = .random(in: 0...255, using: &numbers)
      case 3: bytes[max(0, bytes.count - 1 - index % 30)] = .random(in: 32...127, using: &numbers)
      default: bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &numbers)
      }
    }
  }
}
