internal import LMDB
internal import QuotaModel

/// Writes what facts consist of as the bytes of records; ``RecordFormat`` draws them.
struct RecordWriter: FactCoder, Sendable {
  typealias Failure = Never

  /// The members of an object that may be missing, as far as they have been named.
  struct Scope {
    /// A bit for each, the first the lowest.
    fileprivate var present: UInt64 = 0
    fileprivate var count = 0
    /// Where the bits belong.
    fileprivate var place: Int

    @inline(__always)
    fileprivate mutating func note(_ isThere: Bool) {
      precondition(count < 63, "an object has more optional members than its bits")
      if isThere { present |= 1 << UInt64(count) }
      count += 1
    }
  }

  static var hasOneForm: Bool { true }

  var bytes: [UInt8] = []
  private var scope = Scope(place: 0)

  /// Writes the body of a record.
  mutating func body(of fact: Fact) {
    beginScope()
    fact.describe(to: &self)
    endScope()
  }

  mutating func beginScope() {
    scope = Scope(place: bytes.count)
    bytes.append(0)
  }

  /// One byte takes the bits of most objects; more are made room for.
  mutating func endScope() {
    if scope.present < 0x80 {
      bytes[scope.place] = UInt8(scope.present)
    } else {
      var bits = RecordWriter()
      bits.appendVariable(scope.present)
      bytes.replaceSubrange(scope.place...scope.place, with: bits.bytes)
    }
  }

  mutating func begin(_ name: StaticString) {}

  mutating func begin(nullable name: StaticString) {}

  mutating func begin(optional name: StaticString, isThere: Bool?) -> Bool {
    flag(name, isThere)
  }

  /// The bit of `null` is kept for one that is missing, too, so that every bit has one place.
  mutating func begin(update name: StaticString, isThere: Bool?) -> Bool {
    if flag(name, isThere) { return true }
    scope.note(false)
    return false
  }

  mutating func null(_ isNull: Bool?) -> Bool { !flag("", isNull.map { !$0 }) }

  mutating func flag(_ name: StaticString, _ isSo: Bool?) -> Bool {
    let isSo = given(isSo)
    scope.note(isSo)
    return isSo
  }

  mutating func bool(_ value: Bool?) -> Bool {
    let value = given(value)
    bytes.append(value ? 1 : 0)
    return value
  }

  mutating func integer<Number: FixedWidthInteger & Sendable>(
    _ value: Number?, in range: ClosedRange<Number>
  ) -> Number {
    let value = given(value)
    appendVariable(RecordFormat.stored(value, in: range))
    return value
  }

  mutating func moment(_ value: Moment?) -> Moment {
    let value = given(value)
    bytes.appendInteger(value.microseconds)
    return value
  }

  mutating func user(_ value: UserID?) -> UserID {
    let value = given(value)
    bytes.appendUser(value)
    return value
  }

  mutating func entry(_ value: EntryID?) -> EntryID {
    let value = given(value)
    bytes.appendInteger(value.high.byteSwapped)
    bytes.appendInteger(value.low.byteSwapped)
    return value
  }

  mutating func text<Text: DescribedText>(_ value: Text?) -> Text {
    let value = given(value)
    bytes.appendText(value.description)
    return value
  }

  mutating func choice<Choice: DescribedChoice>(_ value: Choice?) -> Choice {
    let value = given(value)
    bytes.append(value.rawValue)
    return value
  }

  mutating func words<Words: DescribedWords>(_ value: Words?) -> Words {
    let value = given(value)
    for word in value.wordList { bytes.appendInteger(word.byteSwapped) }
    return value
  }

  mutating func origin(_ value: Position?, of what: StaticString) -> Position {
    let value = given(value)
    appendVariable(value.rawValue)
    return value
  }

  mutating func beginList(
    _ count: Int?, of content: StaticString, atMost maximum: Int
  ) -> Int {
    let count = given(count)
    appendVariable(UInt64(count))
    return count
  }

  mutating func beginValue(_ index: Int) {}

  mutating func beginObject(_ index: Int) -> Scope {
    let outer = scope
    beginScope()
    return outer
  }

  mutating func endObject(_ outer: Scope) {
    endScope()
    scope = outer
  }

  mutating func endList() {}

  mutating func refuse(_ member: StaticString, _ rule: @autoclosure () -> String) -> Never {
    preconditionFailure("a fact that exists breaks a rule: \(member) \(rule())")
  }

  /// Seven bits a byte, the least significant first; the high bit says that another byte follows.
  private mutating func appendVariable(_ number: UInt64) {
    var rest = number
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  /// What a writer is given is there.
  @inline(__always)
  private func given<Value>(_ value: Value?) -> Value {
    guard let value else { preconditionFailure("a description keeps back what it names") }
    return value
  }
}
