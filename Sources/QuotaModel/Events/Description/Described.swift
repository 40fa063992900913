/// A value of a member, or some members of an object, that describe themselves.
public protocol Described {
  static func describe<Coder: FactCoder & ~Escapable>(
    _ value: Self?, to coder: inout Coder
  ) throws(Coder.Failure) -> Self
}

/// A text that follows a rule of its own.
public protocol DescribedText: Described, ByteText {
  init(_ text: String) throws(TextRule)
  /// Reads what a record says.
  init(stored text: String) throws(TextRule)
}

/// One of a few names. Raw values are part of the record format.
public protocol DescribedChoice: Described, CaseIterable, RawRepresentable<UInt8>, Sendable {
  var name: String { get }
}

/// What is named by the position of the event that made it.
public protocol DescribedOrigin: Described {
  static var what: StaticString { get }
  var position: Position { get }
  init(_ position: Position)
}

/// A number of a range, all of which are amounts.
public protocol DescribedAmount: Described {
  static var range: ClosedRange<Int64> { get }
  var rawValue: Int64 { get }
  init?(_ rawValue: Int64)
}

/// A number of words that people write in hexadecimal digits, the first word first.
public protocol DescribedWords: Described, Sendable, CustomStringConvertible {
  static var wordCount: Int { get }
  var wordList: [UInt64] { get }
  init(wordList: [UInt64])
  init?(text: String)
}
