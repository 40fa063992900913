/// What a client has said in confidence: keys, and whatever stands in header fields.
struct Secrets {
  /// Shorter texts say nothing, and are parts of many words.
  private static let minimumLength = 6
  private static let stand = "[secret]"

  private let texts: [String]

  init(_ headers: [(name: String, value: String)]) {
    // Of `Bearer …` the key alone is a secret, too. The longest goes first: it may hold others.
    let texts = headers.flatMap { [$0.value] + $0.value.split(separator: " ").map(String.init) }
    self.texts = texts.filter { $0.utf8.count >= Self.minimumLength }
      .sorted { $0.utf8.count > $1.utf8.count }
  }

  /// The text without any of them, or the beginning of one where it was cut off.
  func removed(from text: String) -> String {
    var text = text
    for secret in texts { text = text.replacing(secret, with: Self.stand) }
    for secret in texts {
      for length in stride(from: secret.count - 1, through: Self.minimumLength, by: -1)
      where text.hasSuffix(secret.prefix(length)) {
        text = text.dropLast(length) + Self.stand
      }
    }
    return text
  }
}
