extension Int64 {
  /// The quotient rounded down, where `/` rounds towards zero; `divisor` is positive.
  func flooringQuotient(by divisor: Int64) -> Int64 {
    let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? quotient - 1 : quotient
  }

  /// What ``flooringQuotient(by:)`` leaves over, never negative.
  func flooringRemainder(by divisor: Int64) -> Int64 {
    let remainder = self % divisor
    return remainder < 0 ? remainder + divisor : remainder
  }
}
