/// Whatever a fact names its members to: it writes them, reads them, or tells what they are.
///
/// A description hands over each member's value and takes the coder's answer for it. Whoever writes is given a
/// value and answers the same; whoever reads is given nil. So the list of members stands once, and the
/// compiler misses a member that a fact needs.
public protocol FactCoder: ~Escapable {
  associatedtype Failure: Error
  /// What is remembered of an object while one inside it is described.
  associatedtype Scope

  /// Whether what says the usual must not be said: then every fact has one form only.
  static var hasOneForm: Bool { get }

  /// A member that is always there; its value comes next.
  @_lifetime(self: copy self)
  mutating func begin(_ name: StaticString) throws(Failure)
  /// The same, where it may say "nothing" instead.
  @_lifetime(self: copy self)
  mutating func begin(nullable name: StaticString) throws(Failure)
  /// A member that may be missing; if it is not, its value comes next.
  @_lifetime(self: copy self)
  mutating func begin(optional name: StaticString, isThere: Bool?) throws(Failure) -> Bool
  /// The same, where "missing" and "nothing" are different things to say.
  @_lifetime(self: copy self)
  mutating func begin(update name: StaticString, isThere: Bool?) throws(Failure) -> Bool
  /// Whether the member that has begun says "nothing".
  @_lifetime(self: copy self)
  mutating func null(_ isNull: Bool?) throws(Failure) -> Bool
  /// A member that is there where something is so.
  @_lifetime(self: copy self)
  mutating func flag(_ name: StaticString, _ isSo: Bool?) throws(Failure) -> Bool

  @_lifetime(self: copy self)
  mutating func bool(_ value: Bool?) throws(Failure) -> Bool
  @_lifetime(self: copy self)
  mutating func integer<Number: FixedWidthInteger & Sendable>(
    _ value: Number?, in range: ClosedRange<Number>
  ) throws(Failure) -> Number
  @_lifetime(self: copy self)
  mutating func moment(_ value: Moment?) throws(Failure) -> Moment
  @_lifetime(self: copy self)
  mutating func user(_ value: UserID?) throws(Failure) -> UserID
  @_lifetime(self: copy self)
  mutating func entry(_ value: EntryID?) throws(Failure) -> EntryID
  @_lifetime(self: copy self)
  mutating func text<Text: DescribedText>(_ value: Text?) throws(Failure) -> Text
  @_lifetime(self: copy self)
  mutating func choice<Choice: DescribedChoice>(_ value: Choice?) throws(Failure) -> Choice
  @_lifetime(self: copy self)
  mutating func words<Words: DescribedWords>(_ value: Words?) throws(Failure) -> Words
  /// The position of the event that made something, `what`.
  @_lifetime(self: copy self)
  mutating func origin(_ value: Position?, of what: StaticString) throws(Failure) -> Position

  /// A list of so many elements, each of which begins next; `content` is what they are, in the plural.
  @_lifetime(self: copy self)
  mutating func beginList(
    _ count: Int?, of content: StaticString, atMost maximum: Int
  ) throws(Failure) -> Int
  @_lifetime(self: copy self)
  mutating func beginValue(_ index: Int) throws(Failure)
  @_lifetime(self: copy self)
  mutating func beginObject(_ index: Int) throws(Failure) -> Scope
  @_lifetime(self: copy self)
  mutating func endList() throws(Failure)
  @_lifetime(self: copy self)
  mutating func endObject(_ outer: Scope) throws(Failure)

  /// Says that what was read breaks a rule. A writer never gets here: what it is given exists.
  @_lifetime(self: copy self)
  mutating func refuse(_ member: StaticString, _ rule: @autoclosure () -> String) throws(Failure)
    -> Never
}

extension FactCoder where Self: ~Escapable {
  /// A member that is always there.
  @inlinable @inline(__always)
  @_lifetime(self: copy self)
  public mutating func member<Value: Described>(
    _ name: StaticString, _ value: Value?
  ) throws(Failure) -> Value {
    try begin(name)
    return try Value.describe(value, to: &self)
  }

  /// A member that may be missing.
  @inlinable @inline(__always)
  @_lifetime(self: copy self)
  public mutating func optional<Value: Described>(
    _ name: StaticString, _ value: Value??
  ) throws(Failure) -> Value? {
    guard try begin(optional: name, isThere: value.map { $0 != nil }) else { return nil }
    return try Value.describe(value ?? nil, to: &self)
  }

  /// A member that says "nothing" where there is nothing.
  @inlinable @inline(__always)
  @_lifetime(self: copy self)
  public mutating func nullable<Value: Described>(
    _ name: StaticString, _ value: Value??
  ) throws(Failure) -> Value? {
    try begin(nullable: name)
    if try null(value.map { $0 == nil }) { return nil }
    return try Value.describe(value ?? nil, to: &self)
  }

  /// A member that is missing where it would say the usual.
  @inlinable @inline(__always)
  @_lifetime(self: copy self)
  public mutating func member<Value: Described & Equatable>(
    _ name: StaticString, _ value: Value?, unless usual: Value
  ) throws(Failure) -> Value {
    guard try begin(optional: name, isThere: value.map { $0 != usual }) else { return usual }
    let found = try Value.describe(value, to: &self)
    if Self.hasOneForm, found == usual { try refuse(name, "says what is so anyway") }
    return found
  }

  /// A number within bounds of its own.
  @inlinable
  @_lifetime(self: copy self)
  public mutating func member<Number: FixedWidthInteger & Sendable>(
    _ name: StaticString, _ value: Number?, in range: ClosedRange<Number>
  ) throws(Failure) -> Number {
    try begin(name)
    return try integer(value, in: range)
  }

  /// A number within bounds of its own, that may be missing: one outside them says nothing.
  @inlinable
  @_lifetime(self: copy self)
  public mutating func optional<Number: FixedWidthInteger & Sendable>(
    _ name: StaticString, _ value: Number??, in range: ClosedRange<Number>
  ) throws(Failure) -> Number? {
    let isThere = value.map { (number) in number.map { range.contains($0) } ?? false }
    guard try begin(optional: name, isThere: isThere) else { return nil }
    return try integer(value ?? nil, in: range)
  }

  /// What becomes of something: missing where it stays, "nothing" where it goes.
  @inlinable
  @_lifetime(self: copy self)
  public mutating func update<Value: Described & Hashable & Sendable>(
    _ name: StaticString, _ value: OptionalUpdate<Value>?
  ) throws(Failure) -> OptionalUpdate<Value> {
    guard try begin(update: name, isThere: value.map { $0 != .keep }) else { return .keep }
    if try null(value.map { $0 == .unset }) { return .unset }
    return .set(try Value.describe(value?.applied(to: nil), to: &self))
  }

  /// A list of plain values that may be missing.
  @inlinable
  @_lifetime(self: copy self)
  public mutating func optionalList<Element: Described>(
    _ name: StaticString, _ elements: [Element]??, of content: StaticString, atMost maximum: Int
  ) throws(Failure) -> [Element]? {
    guard try begin(optional: name, isThere: elements.map { $0 != nil }) else { return nil }
    return try values(elements ?? nil, of: content, atMost: maximum)
  }

  /// A list of plain values that is missing where it is empty.
  @inlinable
  @_lifetime(self: copy self)
  public mutating func listUnlessEmpty<Element: Described>(
    _ name: StaticString, _ elements: [Element]?, of content: StaticString, atMost maximum: Int
  ) throws(Failure) -> [Element] {
    guard try begin(optional: name, isThere: elements.map { !$0.isEmpty }) else { return [] }
    let found = try values(elements, of: content, atMost: maximum)
    if Self.hasOneForm, found.isEmpty { try refuse(name, "says what is so anyway") }
    return found
  }

  /// A list of objects.
  @inlinable
  @_lifetime(self: copy self)
  public mutating func objects<Element: Described>(
    _ name: StaticString, _ elements: [Element]?, atMost maximum: Int
  ) throws(Failure) -> [Element] {
    try begin(name)
    return try objects(elements, atMost: maximum)
  }

  /// A list of objects that is missing where it is empty.
  @inlinable
  @_lifetime(self: copy self)
  public mutating func objectsUnlessEmpty<Element: Described>(
    _ name: StaticString, _ elements: [Element]?, atMost maximum: Int
  ) throws(Failure) -> [Element] {
    guard try begin(optional: name, isThere: elements.map { !$0.isEmpty }) else { return [] }
    let found = try objects(elements, atMost: maximum)
    if Self.hasOneForm, found.isEmpty { try refuse(name, "says what is so anyway") }
    return found
  }

  @inlinable
  @_lifetime(self: copy self)
  mutating func values<Element: Described>(
    _ elements: [Element]?, of content: StaticString, atMost maximum: Int
  ) throws(Failure) -> [Element] {
    let count = try beginList(elements?.count, of: content, atMost: maximum)
    var found: [Element] = []
    found.reserveCapacity(count)
    for index in 0..<count {
      try beginValue(index)
      found.append(try Element.describe(elements?[index], to: &self))
    }
    try endList()
    return found
  }

  @inlinable
  @_lifetime(self: copy self)
  mutating func objects<Element: Described>(
    _ elements: [Element]?, atMost maximum: Int
  ) throws(Failure) -> [Element] {
    let count = try beginList(elements?.count, of: "objects", atMost: maximum)
    var found: [Element] = []
    found.reserveCapacity(count)
    for index in 0..<count {
      let outer = try beginObject(index)
      found.append(try Element.describe(elements?[index], to: &self))
      try endObject(outer)
    }
    try endList()
    return found
  }
}
