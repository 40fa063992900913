/// The plain values that members of facts have: what they are to a coder.

extension Described where Self: FixedWidthInteger & Sendable {
  @inlinable
  public static func describe<Coder: FactCoder & ~Escapable>(
    _ value: Self?, to coder: inout Coder
  ) throws(Coder.Failure) -> Self {
    try coder.integer(value, in: 0...Self.max)
  }
}

extension UInt64: Described {}
extension UInt32: Described {}
extension UInt8: Described {}

extension Bool: Described {
  @inlinable
  public static func describe<Coder: FactCoder & ~Escapable>(
    _ value: Bool?, to coder: inout Coder
  ) throws(Coder.Failure) -> Bool {
    try coder.bool(value)
  }
}

extension Moment: Described {
  @inlinable
  public static func describe<Coder: FactCoder & ~Escapable>(
    _ value: Moment?, to coder: inout Coder
  ) throws(Coder.Failure) -> Moment {
    try coder.moment(value)
  }
}

extension UserID: Described {
  @inlinable
  public static func describe<Coder: FactCoder & ~Escapable>(
    _ value: UserID?, to coder: inout Coder
  ) throws(Coder.Failure) -> UserID {
    try coder.user(value)
  }
}

extension EntryID: Described {
  @inlinable
  public static func describe<Coder: FactCoder & ~Escapable>(
    _ value: EntryID?, to coder: inout Coder
  ) throws(Coder.Failure) -> EntryID {
    try coder.entry(value)
  }
}

extension Position: Described {
  @inlinable
  public static func describe<Coder: FactCoder & ~Escapable>(
    _ value: Position?, to coder: inout Coder
  ) throws(Coder.Failure) -> Position {
    Position(try coder.integer(value?.rawValue, in: 0...UInt64.max))
  }
}

extension DescribedOrigin {
  @inlinable
  public static func describe<Coder: FactCoder & ~Escapable>(
    _ value: Self?, to coder: inout Coder
  ) throws(Coder.Failure) -> Self {
    Self(try coder.origin(value?.position, of: what))
  }
}

extension HoldID: DescribedOrigin {
  @inlinable public static var what: StaticString { "a hold" }
}

extension SessionRef: DescribedOrigin {
  @inlinable public static var what: StaticString { "a session's start" }
}

extension ScheduleID: DescribedOrigin {
  @inlinable public static var what: StaticString { "a scheduled change" }
}

extension DescribedAmount {
  @inlinable
  public static func describe<Coder: FactCoder & ~Escapable>(
    _ value: Self?, to coder: inout Coder
  ) throws(Coder.Failure) -> Self {
    guard let amount = Self(try coder.integer(value?.rawValue, in: range)) else {
      preconditionFailure("a number of the range is no amount")
    }
    return amount
  }
}

extension TokenCount: DescribedAmount {
  public static var range: ClosedRange<Int64> { 0...Int64.max }
}

extension NanoCredits: DescribedAmount {
  public static var range: ClosedRange<Int64> { 0...Int64.max }
}

extension TokenLimit: DescribedAmount {}

extension DescribedText {
  @inlinable
  public static func describe<Coder: FactCoder & ~Escapable>(
    _ value: Self?, to coder: inout Coder
  ) throws(Coder.Failure) -> Self {
    try coder.text(value)
  }
}

extension DescribedText {
  public init(stored text: String) throws(TextRule) { try self.init(text) }
}

extension DescribedWords {
  @inlinable
  public static func describe<Coder: FactCoder & ~Escapable>(
    _ value: Self?, to coder: inout Coder
  ) throws(Coder.Failure) -> Self {
    try coder.words(value)
  }
}

extension TokenID: DescribedWords {
  public static var wordCount: Int { 1 }
  public var wordList: [UInt64] { [rawValue] }
  public init(wordList: [UInt64]) { self.init(wordList[0]) }
}

extension TokenDigest: DescribedWords {
  public static var wordCount: Int { 4 }
  public var wordList: [UInt64] { [words.0, words.1, words.2, words.3] }
  public init(wordList: [UInt64]) {
    self.init((wordList[0], wordList[1], wordList[2], wordList[3]))
  }
}

extension ModelName: DescribedText {}
extension SessionID: DescribedText {}
extension BudgetID: DescribedText {}
extension StepID: DescribedText {}
extension CallMark: DescribedText {}
extension RequestID: DescribedText {}
extension Reason: DescribedText {}

extension DescribedChoice {
  @inlinable
  public static func describe<Coder: FactCoder & ~Escapable>(
    _ value: Self?, to coder: inout Coder
  ) throws(Coder.Failure) -> Self {
    try coder.choice(value)
  }

  /// The one of that name, or nil.
  public init?(name: String) {
    guard let choice = Self.allCases.first(where: { $0.name == name }) else { return nil }
    self = choice
  }
}

extension Role: DescribedChoice {}
extension Period: DescribedChoice {}
extension LimitMode: DescribedChoice {}
extension Weekday: DescribedChoice {}
extension CallEnd: DescribedChoice {}
extension SessionClosing: DescribedChoice {}
