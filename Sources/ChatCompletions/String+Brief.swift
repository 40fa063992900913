extension String {
  /// The beginning of a text from outside that may be shown and kept: no control characters, whole
  /// characters only.
  func brief(bytes limit: Int = 300) -> String {
    var brief = String.UnicodeScalarView()
    var count = 0
    for scalar in unicodeScalars where scalar.properties.generalCategory != .control {
      count += UTF8.width(scalar)
      guard count <= limit else { break }
      brief.append(scalar)
    }
    return String(brief)
  }
}
