/// A number of tokens, 0 to 2^63-1.
public struct TokenCount: Hashable, Comparable, Sendable {
  public let rawValue: Int64

  public static let zero = TokenCount(unchecked: 0)
  public static let maximum = TokenCount(unchecked: .max)

  /// nil where `rawValue` is negative.
  public init?(_ rawValue: Int64) {
    guard rawValue >= 0 else { return nil }
    self.rawValue = rawValue
  }

  private init(unchecked rawValue: Int64) { self.rawValue = rawValue }

  public static func < (left: TokenCount, right: TokenCount) -> Bool {
    left.rawValue < right.rawValue
  }

  /// The sum, or nil where it does not fit in 63 bits.
  public func adding(_ other: TokenCount) -> TokenCount? {
    let (sum, overflow) = rawValue.addingReportingOverflow(other.rawValue)
    return overflow ? nil : TokenCount(unchecked: sum)
  }

  /// The sum, stopping at the maximum.
  ///
  /// Only for folds, which may not fail: a decision has refused what would not fit.
  public func addingClamped(_ other: TokenCount) -> TokenCount { adding(other) ?? .maximum }

  /// The difference, stopping at zero.
  public func subtractingClamped(_ other: TokenCount) -> TokenCount {
    TokenCount(unchecked: max(0, rawValue - other.rawValue))
  }
}

extension TokenCount: CustomStringConvertible {
  public var description: String { String(rawValue) }
}

extension Array {
  /// The sum of what each element has, stopping at the maximum.
  public func total<Failure: Error>(
    _ count: (Element) throws(Failure) -> TokenCount
  ) throws(Failure) -> TokenCount {
    var sum = TokenCount.zero
    for element in self { sum = sum.addingClamped(try count(element)) }
    return sum
  }
}
