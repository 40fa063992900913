/// The media types that a client would have an answer in (RFC 9110, section 12.5.1).
public struct AcceptedTypes: Sendable {
  /// A range of types and its weight in thousandths.
  private struct Range {
    let type: String
    let subtype: String
    let weight: Int
  }

  /// Nil when the client does not say: then anything will do.
  private let ranges: [Range]?

  /// Reads an `Accept` header. Elements that are none are passed over; parameters other than the
  /// weight do not matter.
  public init(_ header: String?) {
    ranges = header.map { text in text.split(separator: ",").compactMap(Self.range) }
  }

  /// How much the client wants the type, which is given in small letters: 0, not at all, to 1000.
  ///
  /// The range that names it most exactly decides.
  public func weight(of type: String, _ subtype: String) -> Int {
    guard let ranges else { return 1000 }
    for (type, subtype) in [(type, subtype), (type, "*"), ("*", "*")] {
      let fitting = ranges.filter { $0.type == type && $0.subtype == subtype }
      if let weight = fitting.map(\.weight).max() { return weight }
    }
    return 0
  }

  /// Which of `offers`, such as `text/event-stream`, the client wants most; of equals the first. Nil
  /// when it wants none.
  public func best(of offers: [String]) -> String? {
    var best: (offer: String, weight: Int)?
    for offer in offers {
      let parts = offer.split(separator: "/")
      precondition(parts.count == 2, "an offer has a type and a subtype")
      let weight = weight(of: String(parts[0]), String(parts[1]))
      if weight > best?.weight ?? 0 { best = (offer, weight) }
    }
    return best?.offer
  }

  private static func range(_ element: Substring) -> Range? {
    let parts = element.split(separator: ";", omittingEmptySubsequences: false).map(trimmed)
    let names = parts[0].split(separator: "/", omittingEmptySubsequences: false)
    guard names.count == 2, names.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy(\.isToken) })
    else { return nil }
    var weight = 1000
    for parameter in parts.dropFirst() where parameter.lowercased().hasPrefix("q=") {
      guard let given = thousandths(parameter.dropFirst(2)) else { return nil }
      weight = given
    }
    return Range(type: names[0].lowercased(), subtype: names[1].lowercased(), weight: weight)
  }

  /// A weight as the grammar has it: from 0 to 1, with up to three decimals.
  private static func thousandths(_ text: Substring) -> Int? {
    let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    let decimals = parts.count > 1 ? parts[1] : ""
    guard parts[0] == "0" || parts[0] == "1", decimals.utf8.count <= 3,
      decimals.utf8.allSatisfy(\.isDigit)
    else { return nil }
    let padded = parts[0] + decimals + String(repeating: "0", count: 3 - decimals.utf8.count)
    return Int(padded).flatMap { $0 <= 1000 ? $0 : nil }
  }

  private static func trimmed(_ text: Substring) -> Substring {
    var text = text
    while let first = text.utf8.first, first.isBlank { text = text.dropFirst() }
    while let last = text.utf8.last, last.isBlank { text = text.dropLast() }
    return text
  }
}
