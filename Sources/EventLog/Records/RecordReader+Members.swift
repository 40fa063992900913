internal import LMDB
internal import QuotaModel

/// What `RecordWriter` has written.
extension RecordReader: FactCoder {
  typealias Failure = RecordDamage

  static var hasOneForm: Bool { true }

  /// Everything up to the end as a fact of that kind.
  @_lifetime(self: copy self)
  mutating func fact(of kind: EventKind) throws(RecordDamage) -> Fact {
    try beginScope()
    let fact = try Fact.described(as: kind, by: &self)
    try endScope()
    guard isAtEnd else { throw .malformed }
    return fact
  }

  @_lifetime(self: copy self)
  mutating func begin(_ name: StaticString) throws(RecordDamage) {}

  @_lifetime(self: copy self)
  mutating func begin(nullable name: StaticString) throws(RecordDamage) {}

  @_lifetime(self: copy self)
  mutating func begin(
    optional name: StaticString, isThere: Bool?
  ) throws(RecordDamage) -> Bool { nextBit() }

  @_lifetime(self: copy self)
  mutating func begin(
    update name: StaticString, isThere: Bool?
  ) throws(RecordDamage) -> Bool {
    if nextBit() { return true }
    guard !nextBit() else { throw .malformed }
    return false
  }

  @_lifetime(self: copy self)
  mutating func null(_ isNull: Bool?) throws(RecordDamage) -> Bool { !nextBit() }

  @_lifetime(self: copy self)
  mutating func flag(_ name: StaticString, _ isSo: Bool?) throws(RecordDamage) -> Bool {
    nextBit()
  }

  /// 1 or 0 and nothing else, so that every fact has one form.
  @_lifetime(self: copy self)
  mutating func bool(_ value: Bool?) throws(RecordDamage) -> Bool {
    switch try byte() {
    case 0: false
    case 1: true
    default: throw .malformed
    }
  }

  @_lifetime(self: copy self)
  mutating func integer<Number: FixedWidthInteger & Sendable>(
    _ value: Number?, in range: ClosedRange<Number>
  ) throws(RecordDamage) -> Number {
    guard let number = RecordFormat.read(try variable(), in: range) else { throw .malformed }
    return number
  }

  @_lifetime(self: copy self)
  mutating func moment(_ value: Moment?) throws(RecordDamage) -> Moment { try moment() }

  @_lifetime(self: copy self)
  mutating func user(_ value: UserID?) throws(RecordDamage) -> UserID { try user() }

  @_lifetime(self: copy self)
  mutating func entry(_ value: EntryID?) throws(RecordDamage) -> EntryID {
    let (high, low) = (try word().byteSwapped, try word().byteSwapped)
    let id = EntryID(random: high, low)
    guard id.high == high, id.low == low else { throw .malformed }
    return id
  }

  @_lifetime(self: copy self)
  mutating func text<Text: DescribedText>(_ value: Text?) throws(RecordDamage) -> Text {
    let text = try bytes.extracting(try textRange()).text()
    do { return try Text(stored: text) } catch { throw .malformed }
  }

  @_lifetime(self: copy self)
  mutating func choice<Choice: DescribedChoice>(
    _ value: Choice?
  ) throws(RecordDamage) -> Choice {
    guard let choice = Choice(rawValue: try byte()) else { throw .malformed }
    return choice
  }

  @_lifetime(self: copy self)
  mutating func words<Words: DescribedWords>(_ value: Words?) throws(RecordDamage) -> Words {
    var words: [UInt64] = []
    for _ in 0..<Words.wordCount { words.append(try word().byteSwapped) }
    return Words(wordList: words)
  }

  @_lifetime(self: copy self)
  mutating func origin(
    _ value: Position?, of what: StaticString
  ) throws(RecordDamage) -> Position { Position(try variable()) }

  @_lifetime(self: copy self)
  mutating func beginList(
    _ count: Int?, of content: StaticString, atMost maximum: Int
  ) throws(RecordDamage) -> Int {
    let count = try variable()
    guard count <= UInt64(maximum) else { throw .malformed }
    return Int(count)
  }

  @_lifetime(self: copy self)
  mutating func beginValue(_ index: Int) throws(RecordDamage) {}

  @_lifetime(self: copy self)
  mutating func beginObject(_ index: Int) throws(RecordDamage) -> RecordReader.Scope {
    let outer = scope
    try beginScope()
    return outer
  }

  @_lifetime(self: copy self)
  mutating func endObject(_ outer: RecordReader.Scope) throws(RecordDamage) {
    try endScope()
    scope = outer
  }

  @_lifetime(self: copy self)
  mutating func endList() throws(RecordDamage) {}

  @_lifetime(self: copy self)
  mutating func refuse(
    _ member: StaticString, _ rule: @autoclosure () -> String
  ) throws(RecordDamage) -> Never { throw .malformed }
}
