internal import HTTPServer
internal import QuotaModel

/// The query of a native request; a bad value is a problem that names the parameter.
struct QueryParameters {
  private let pairs: FormPairs

  init(_ request: HTTPRequest) { pairs = FormPairs(query: request.query) }

  subscript(name: String) -> String? { pairs[name] }

  /// The values of all parameters of that name, in their order.
  func values(_ name: String) -> [String] { pairs.values(name) }

  func integer(_ name: String, in range: ClosedRange<Int64>) throws(Problem) -> Int64? {
    guard let text = pairs[name] else { return nil }
    guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int64(text),
      range.contains(number)
    else {
      throw .invalid(
        name, "must be an integer from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  func user(_ name: String) throws(Problem) -> UserID? {
    guard let text = pairs[name] else { return nil }
    guard let user = UserID(spelling: text) else { throw .invalid(name, "must be a UUID") }
    return user
  }
}
