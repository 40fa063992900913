internal import QuotaModel

/// Moves a clock as real ones move: on, and now and then ahead by hours to years, from where somebody sets
/// it right after a while.
struct JumpingClock {
  /// How far the clock is ahead.
  private var aheadSeconds: Int64 = 0

  /// One jump in so many calls.
  private static let rarity = 40

  /// Jumps ahead, or back to the right time; false where it is not time for that.
  mutating func jumps(_ clock: HandClock, using numbers: inout SeededNumbers) -> Bool {
    guard numbers.once(in: Self.rarity) else { return false }
    if aheadSeconds > 0, !numbers.once(in: 4) {
      clock.move(bySeconds: -aheadSeconds)
      aheadSeconds = 0
    } else {
      let jump = numbers.number(
        0...numbers.element(of: [7200, 86_400, 40 * 86_400, 800 * 86_400]))
      clock.move(bySeconds: jump)
      aheadSeconds += jump
    }
    return true
  }
}
