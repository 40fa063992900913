/// The plain values that members of facts have: what they are to a coder.

extension UInt64: Described {
  @inlinable
  public static func describe<Coder: FactCoder & ~Escapable>(
    _ value: UInt64?, to coder: inout Coder
  ) throws(Coder.Failure) -> UInt64 {
    try coder.integer(value, in: 0...UInt64.max)
  }
}

extension UInt32: Described {
  @inlinable
  public static func describe<Coder: FactCoder & ~Escapable>(
    _ value: UInt32?, to coder: inout Coder
  ) throws(Coder.Failure) -> UInt32 {
    try coder.integer(value, in: 0...UInt32.max)
  }
}

extension UInt8: Described {
  @inlinable
  public static func describe<Coder: FactCoder & ~Escapable>(
    _ value: UInt8?, to coder: inout Coder
  ) throws(Coder.Failure) -> UInt8 {
    try coder.integer(value, in: 0...UInt8.max)
  }
}

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

extension HoldID: Described {
  @inlinable
  public static func describe<Coder: FactCoder & ~Escapable>(
    _ value: HoldID?, to coder: inout Coder
  ) throws(Coder.Failure) -> HoldID {
    HoldID(try coder.origin(value?.position, of: "a hold"))
  }
}

extension SessionRef: Described {
  @inlinable
  public static func describe<Coder: FactCoder & ~Escapable>(
    _ value: SessionRef?, to coder: inout Coder
  ) throws(Coder.Failure) -> SessionRef {
    SessionRef(try coder.origin(value?.position, of: "a session's start"))
  }
}

extension ScheduleID: Described {
  @inlinable
  public static func describe<Coder: FactCoder & ~Escapable>(
    _ value: ScheduleID?, to coder: inout Coder
  ) throws(Coder.Failure) -> ScheduleID {
    ScheduleID(try coder.origin(value?.position, of: "a scheduled change"))
  }
}

extension TokenCount: Described {
  @inlinable
  public static func describe<Coder: FactCoder & ~Escapable>(
    _ value: TokenCount?, to coder: inout Coder
  ) throws(Coder.Failure) -> TokenCount {
    // Every number of the range makes one.
    let number = try coder.integer(value?.rawValue, in: 0...Int64.max)
    return TokenCount(number) ?? .zero
  }
}

extension NanoCredits: Described {
  @inlinable
  public static func describe<Coder: FactCoder & ~Escapable>(
    _ value: NanoCredits?, to coder: inout Coder
  ) throws(Coder.Failure) -> NanoCredits {
    // Every number of the range makes one.
    let number = try coder.integer(value?.rawValue, in: 0...Int64.max)
    return NanoCredits(number) ?? .zero
  }
}

extension TokenLimit: Described {
  @inlinable
  public static func describe<Coder: FactCoder & ~Escapable>(
    _ value: TokenLimit?, to coder: inout Coder
  ) throws(Coder.Failure) -> TokenLimit {
    let number = try coder.integer(value?.rawValue, in: range)
    return TokenLimit(number) ?? .unlimited
  }
}

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
