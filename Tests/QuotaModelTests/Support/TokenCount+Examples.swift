import QuotaModel

extension TokenCount {
  /// A count that a test names.
  static func of(_ number: Int64) -> TokenCount {
    guard let count = TokenCount(number) else { preconditionFailure("\(number) is no count") }
    return count
  }
}

extension TokenLimit {
  /// A limit that a test names.
  static func of(_ number: Int64) -> TokenLimit {
    guard let limit = TokenLimit(number) else { preconditionFailure("\(number) is no limit") }
    return limit
  }
}
