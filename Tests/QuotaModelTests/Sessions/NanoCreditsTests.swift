import QuotaModel
import TestSupport
import Testing

@Suite struct `An amount of credits` {
  @Test(
    arguments: [
      ("33", 33_000_000_000), ("31.708776", 31_708_776_000), ("0.5", 500_000_000), ("0", 0),
      ("1e2", 100_000_000_000), ("1E+2", 100_000_000_000), ("25e-1", 2_500_000_000),
      ("0.00e5", 0), ("0.000000001", 1), ("1.50", 1_500_000_000), ("-0", 0), ("-0.0e7", 0),
      ("9223372036.854775807", .max), ("92233720368547758070e-10", .max),
    ] as [(String, Int64)])
  func `is read from its decimal text`(text: String, nano: Int64) {
    #expect(NanoCredits(credits: text)?.rawValue == nano)
  }

  @Test(
    arguments: [
      ("0.0000000004", 0), ("0.0000000005", 1), ("0.00000000049999999999999999999", 0),
      ("1.0000000005", 1_000_000_001), ("1.0000000015", 1_000_000_002),
      ("0.9999999999", 1_000_000_000), ("5e-10", 1), ("0.05e-8", 1), ("4.9e-10", 0),
      ("9223372036.8547758074999", .max),
    ] as [(String, Int64)])
  func `is rounded to the nearest nano-credit`(text: String, nano: Int64) {
    #expect(NanoCredits(credits: text)?.rawValue == nano)
  }

  @Test(
    arguments: [
      ("1e-99999999999999999999999", 0), ("0e99999999999999999999999", 0), ("1e-20", 0),
      ("1e99999999999999999999999", nil), ("1e10", nil), ("9e9", 9_000_000_000_000_000_000),
      ("9223372036.8547758075", nil), ("9223372036.854775808", nil), ("1e11", nil),
      ("18446744073.709551616", nil), ("184467440737095516160000000000", nil),
    ] as [(String, Int64?)])
  func `has an end at either side, however it is written`(text: String, nano: Int64?) {
    #expect(NanoCredits(credits: text)?.rawValue == nano)
  }

  @Test(arguments: [400, 1_000_000, 2_000_000])
  func `is read however many digits it has`(count: Int) {
    let zeros = String(repeating: "0", count: count)
    #expect(NanoCredits(credits: "1\(zeros)e-\(count)")?.rawValue == 1_000_000_000)
    #expect(NanoCredits(credits: "0.\(zeros)1e\(count + 1)")?.rawValue == 1_000_000_000)
    #expect(NanoCredits(credits: "0.\(zeros)1") == .zero)
    #expect(NanoCredits(credits: "1\(zeros)") == nil)
  }

  @Test(arguments: [
    "", "-", "-1", "-0.0000000001", ".", ".5", "1.", "1.e5", "1e", "1e+", "1e-", "e5", "+1", " 1",
    "1 ", "NaN", "Infinity", "0x10", "1_000", "1,5", "1.2.3", "1e5.5", "１", "\u{0}1", "1e5e5",
  ])
  func `is no other text`(text: String) {
    #expect(NanoCredits(credits: text) == nil)
  }

  @Test(
    arguments: [
      (0, "0"), (1, "0.000000001"), (10, "0.00000001"), (100_000_000, "0.1"),
      (1_000_000_000, "1"), (33_000_000_000, "33"), (31_708_776_000, "31.708776"),
      (1_000_000_001, "1.000000001"), (10_050_000_000, "10.05"), (.max, "9223372036.854775807"),
    ] as [(Int64, String)])
  func `is written as the shortest decimal without exponent`(nano: Int64, text: String) {
    #expect(NanoCredits.of(nano).credits == text)
  }

  @Test func `comes back from its text whatever it is`() {
    var numbers = SeededNumbers()
    for _ in 0..<20_000 {
      let amount = NanoCredits.of(
        Int64(numbers.next() >> UInt64.random(in: 1...63, using: &numbers)))
      #expect(NanoCredits(credits: amount.credits) == amount, "seed \(numbers.seed)")
      #expect(!amount.credits.contains(".") || !amount.credits.hasSuffix("0"))
    }
  }

  @Test func `is what a naive rounding of its digits makes of it`() {
    var numbers = SeededNumbers()
    for _ in 0..<20_000 {
      let whole = Int64.random(in: 0...9_000_000_000, using: &numbers)
      let fraction = Int64.random(in: 0..<1_000_000_000_000, using: &numbers)
      let digits = String(fraction + 1_000_000_000_000).dropFirst()
      let shift = Int.random(in: -30...30, using: &numbers)
      let zeros = String(repeating: "0", count: max(0, -shift))
      let text =
        shift == 0 ? "\(whole).\(digits)" : "\(whole)\(digits)\(zeros)e\(min(shift, 0) - 12)"
      let nano = whole * 1_000_000_000 + (fraction + 500) / 1000
      #expect(NanoCredits(credits: text)?.rawValue == nano, "\(text), seed \(numbers.seed)")
    }
  }
}

@Suite struct `A sum of credits` {
  @Test(
    arguments: [(0, 0, 0), (1, 2, 3), (.max, 0, .max), (.max, 1, nil), (.max, .max, nil)]
      as [(Int64, Int64, Int64?)])
  func `is there where it fits, and is clamped for folds`(left: Int64, right: Int64, sum: Int64?) {
    #expect(NanoCredits.of(left).adding(.of(right))?.rawValue == sum)
    #expect(NanoCredits.of(left).addingClamped(.of(right)).rawValue == sum ?? .max)
  }

  @Test(
    arguments: [(3, 2, 1), (3, 3, 0), (2, 3, 0), (0, .max, 0), (.max, 1, .max - 1)]
      as [(Int64, Int64, Int64)])
  func `is not taken below zero`(left: Int64, right: Int64, difference: Int64) {
    #expect(NanoCredits.of(left).subtractingClamped(.of(right)).rawValue == difference)
  }

  @Test(arguments: [-1, .min] as [Int64]) func `is made of nothing negative`(number: Int64) {
    #expect(NanoCredits(number) == nil)
  }
}
