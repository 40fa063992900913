internal import Foundation

/// Random numbers that a seed repeats (SplitMix64).
///
/// Each run takes another seed; `QUOTALOG_TEST_SEED` sets the one that a failure has named.
public struct SeededNumbers: RandomNumberGenerator, Sendable {
  public let seed: UInt64
  private var state: UInt64

  public init() {
    let wanted = ProcessInfo.processInfo.environment["QUOTALOG_TEST_SEED"].flatMap { UInt64($0) }
    self.init(seed: wanted ?? UInt64.random(in: 0..<1_000_000_000))
  }

  public init(seed: UInt64) {
    self.seed = seed
    state = seed
  }

  public mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }

  /// True once in so many times.
  public mutating func once(in count: Int) -> Bool { Int.random(in: 0..<count, using: &self) == 0 }

  public mutating func number(_ range: ClosedRange<Int64>) -> Int64 {
    Int64.random(in: range, using: &self)
  }

  public mutating func element<Element>(of choices: [Element]) -> Element {
    choices[Int.random(in: 0..<choices.count, using: &self)]
  }
}
