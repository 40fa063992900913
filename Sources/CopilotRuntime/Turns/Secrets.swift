/// What a client has said in confidence: keys, and whatever stands in header fields or in an address.
struct Secrets {
  /// Shorter texts say nothing, and are parts of many words.
  private static let minimumLength = 6
  private static let stand = "[secret]"

  private let texts: [String]

  init(headers: [(name: String, value: String)], others: [String] = []) {
    // Of `Bearer …` the key alone is a secret, too. The longest goes first: it may hold others.
    let texts =
      others + headers.flatMap { [$0.value] + $0.value.split(separator: " ").map(String.init) }
    self.texts = texts.filter { $0.utf8.count >= Self.minimumLength }
      .sorted { $0.utf8.count > $1.utf8.count }
  }

  /// The text without any of them, or the beginning of one where it was cut off.
  func removed(from text: String) -> String {
    var text = text
    for secret in texts { text = text.replacing(secret, with: Self.stand) }
    for secret in texts {
      let length = Self.beginning(of: Array(secret.utf8), atEndOf: Array(text.utf8))
      guard length >= Self.minimumLength else { continue }
      text = String(decoding: text.utf8.dropLast(length), as: UTF8.self) + Self.stand
    }
    return text
  }

  /// How many bytes of the end of `text` are the beginning of `secret`, but not all of it.
  ///
  /// Looks at each byte once (Knuth, Morris and Pratt): a secret may be long, and is somebody's to choose.
  private static func beginning(of secret: [UInt8], atEndOf text: [UInt8]) -> Int {
    var fallback = [0]
    fallback.reserveCapacity(secret.count)
    for index in 1..<max(secret.count, 1) {
      fallback.append(length(behind: fallback[index - 1], with: secret[index], secret, fallback))
    }
    var matched = 0
    for byte in text.suffix(secret.count - 1) {
      matched = length(behind: matched, with: byte, secret, fallback)
    }
    return matched
  }

  /// How much of the secret's beginning has been met when `byte` comes behind `matched` of it.
  private static func length(
    behind matched: Int, with byte: UInt8, _ secret: [UInt8], _ fallback: [Int]
  ) -> Int {
    var matched = matched
    while matched > 0, secret[matched] != byte { matched = fallback[matched - 1] }
    return secret[matched] == byte ? matched + 1 : matched
  }
}
