import QuotaModel

extension NanoCredits {
  /// An amount that a test names.
  static func of(_ number: Int64) -> NanoCredits {
    guard let amount = NanoCredits(number) else { preconditionFailure("\(number) is no amount") }
    return amount
  }
}
