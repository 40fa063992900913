/// Why a text is refused: what was expected of it.
public struct TextRule: Error, Hashable, Sendable, CustomStringConvertible {
  public let description: String
}

/// Throws unless `text` has 1 to `maximum` UTF-8 bytes and no control characters.
func checkText(_ text: String, upTo maximum: Int) throws(TextRule) {
  guard !text.isEmpty else { throw TextRule(description: "must not be empty") }
  guard text.utf8.count <= maximum else {
    throw TextRule(description: "must have at most \(maximum) bytes in UTF-8")
  }
  guard !text.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) else {
    throw TextRule(description: "must not contain control characters")
  }
}

/// A text that is another one wherever its bytes are: Swift compares strings by what they look like.
public protocol ByteText: Hashable, Sendable, CustomStringConvertible {}

extension ByteText {
  public static func == (left: Self, right: Self) -> Bool {
    left.description.utf8.elementsEqual(right.description.utf8)
  }

  public func hash(into hasher: inout Hasher) {
    var text = description
    text.withUTF8 { unsafe hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
  }
}

/// What a client calls its request, so that a repetition is recognised: 1 to 456 bytes of UTF-8.
///
/// Ids are compared byte for byte, within the requests of one actor.
public struct RequestID: ByteText {
  public static let maximumByteCount = 456
  public let description: String

  public init(_ text: String) throws(TextRule) {
    try checkText(text, upTo: Self.maximumByteCount)
    description = text
  }
}

/// The name of a language model, 1 to 255 bytes of UTF-8.
public struct ModelName: ByteText {
  public static let maximumByteCount = 255
  public let description: String

  public init(_ text: String) throws(TextRule) {
    try checkText(text, upTo: Self.maximumByteCount)
    description = text
  }
}

/// Why somebody did something, in their words: 1 to 1000 bytes of UTF-8.
public struct Reason: ByteText {
  public static let maximumByteCount = 1000
  public let description: String

  public init(_ text: String) throws(TextRule) {
    try checkText(text, upTo: Self.maximumByteCount)
    description = text
  }
}

/// What people call a user: unique, 1 to 255 bytes of UTF-8, and no spelling of a UUID.
///
/// Names are personal text: they are kept beside the log, never in it.
public struct UserName: ByteText {
  public static let maximumByteCount = 255
  public let description: String

  public init(_ text: String) throws(TextRule) {
    try checkText(text, upTo: Self.maximumByteCount)
    guard UserID(spelling: text) == nil else {
      throw TextRule(description: "must not be a UUID: a user is named by either")
    }
    description = text
  }
}
