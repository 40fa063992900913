import QuotaModel
import Sessions
import Testing

@Suite struct `Times that the SDK reads` {
  @Test(arguments: [
    (Int64(0), "1970-01-01T00:00:00.000Z"),
    (1_795_276_803_000_000, "2026-11-21T16:00:03.000Z"),
    (1_795_276_803_000_999, "2026-11-21T16:00:03.000Z"),
    (1_795_276_803_001_000, "2026-11-21T16:00:03.001Z"),
    (1_795_276_803_120_000, "2026-11-21T16:00:03.120Z"),
    (1_795_276_803_999_999, "2026-11-21T16:00:03.999Z"),
    (-1, "1969-12-31T23:59:59.999Z"),
  ])
  func `have three digits behind the second, cut off and not rounded`(
    microseconds: Int64, text: String
  ) { #expect(Moment(microseconds: microseconds).millisecondText == text) }
}
