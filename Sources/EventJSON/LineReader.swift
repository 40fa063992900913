package import JSON
package import QuotaModel

/// Reads what facts consist of from the members of an object; a fault names the member and the rule.
package struct LineReader: FactCoder {
  package typealias Failure = MemberFault

  package struct Scope {
    fileprivate let reader: LineReader
  }

  package static var hasOneForm: Bool { false }

  private var object: JSONValue
  /// The member that has begun.
  private var name: StaticString = ""
  private var value: JSONValue
  /// Those of the list that has begun.
  private var elements: [JSONValue] = []

  package init(_ object: JSONValue) {
    self.object = object
    value = object
  }

  package mutating func begin(_ name: StaticString) throws(MemberFault) {
    guard try begin(optional: name, isThere: nil) else { try refuse(name, "is required") }
  }

  package mutating func begin(nullable name: StaticString) throws(MemberFault) {
    guard begin(update: name, isThere: nil) else { try refuse(name, "is required") }
  }

  package mutating func begin(
    optional name: StaticString, isThere: Bool?
  ) throws(MemberFault) -> Bool {
    begin(update: name, isThere: isThere) && value.kind != .null
  }

  package mutating func begin(update name: StaticString, isThere: Bool?) -> Bool {
    guard let value = object[name] else { return false }
    self.name = name
    self.value = value
    return true
  }

  package mutating func null(_ isNull: Bool?) -> Bool { value.kind == .null }

  package mutating func flag(_ name: StaticString, _ isSo: Bool?) throws(MemberFault) -> Bool {
    try begin(optional: name, isThere: nil) ? bool(nil) : false
  }

  package mutating func bool(_ value: Bool?) throws(MemberFault) -> Bool {
    guard let bool = self.value.bool else { try refuse(name, "must be true or false") }
    return bool
  }

  package mutating func integer<Number: FixedWidthInteger & Sendable>(
    _ value: Number?, in range: ClosedRange<Number>
  ) throws(MemberFault) -> Number {
    guard let number = self.value.numberText.flatMap({ Number($0) }), range.contains(number) else {
      try refuse(name, "must be an integer from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  package mutating func moment(_ value: Moment?) throws(MemberFault) -> Moment {
    let text = try text()
    do { return try Moment(rfc3339: text) } catch {
      try refuse(name, "must be a time by RFC 3339: \(error)")
    }
  }

  package mutating func user(_ value: UserID?) throws(MemberFault) -> UserID {
    guard let user = UserID(spelling: try text()) else { try refuse(name, "must be a UUID") }
    return user
  }

  package mutating func entry(_ value: EntryID?) throws(MemberFault) -> EntryID {
    guard let id = EntryID(text: try text()) else {
      try refuse(name, "must be a UUID of version 4 in lower case with dashes")
    }
    return id
  }

  package mutating func text<Text: DescribedText>(_ value: Text?) throws(MemberFault) -> Text {
    let text = try text()
    do { return try Text(stored: text) } catch { try refuse(name, error.description) }
  }

  package mutating func choice<Choice: DescribedChoice>(
    _ value: Choice?
  ) throws(MemberFault) -> Choice {
    guard let choice = Choice(name: try text()) else {
      let names = Choice.allCases.map(\.name).joined(separator: ", ")
      try refuse(name, "must be one of \(names)")
    }
    return choice
  }

  package mutating func words<Words: DescribedWords>(
    _ value: Words?
  ) throws(MemberFault) -> Words {
    guard let words = Words(text: try text()) else {
      try refuse(name, "must be \(16 * Words.wordCount) hexadecimal digits")
    }
    return words
  }

  package mutating func origin(
    _ value: Position?, of what: StaticString
  ) throws(MemberFault) -> Position {
    guard let hold = HoldID(text: try text()) else {
      try refuse(name, "must be the position of \(what)")
    }
    return hold.position
  }

  package mutating func beginList(
    _ count: Int?, of content: StaticString, atMost maximum: Int
  ) throws(MemberFault) -> Int {
    guard value.kind == .array, value.count <= maximum else {
      try refuse(name, "must be an array of at most \(maximum) \(content)")
    }
    elements = Array(value.elements)
    return elements.count
  }

  package mutating func beginValue(_ index: Int) throws(MemberFault) { value = elements[index] }

  package mutating func beginObject(_ index: Int) throws(MemberFault) -> Scope {
    let outer = Scope(reader: self)
    object = elements[index]
    guard object.kind == .object else { try refuse(name, "must hold objects") }
    return outer
  }

  package mutating func endObject(_ outer: Scope) { self = outer.reader }
  package mutating func endList() {}

  package mutating func refuse(
    _ member: StaticString, _ rule: @autoclosure () -> String
  ) throws(MemberFault) -> Never {
    throw MemberFault(member: member.description, rule: rule())
  }

  private mutating func text() throws(MemberFault) -> String {
    guard let text = value.string else { try refuse(name, "must be a string") }
    return text
  }
}

/// Members of an object that are what facts consist of.
extension JSONValue {
  package func reading<Value>(
    _ members: (inout LineReader) throws(MemberFault) -> Value
  ) throws(MemberFault) -> Value {
    var reader = LineReader(self)
    return try members(&reader)
  }

  package func members<Value: Described>() throws(MemberFault) -> Value {
    try reading { (line) throws(MemberFault) in try Value.describe(nil, to: &line) }
  }

  package func member<Value: Described>(_ name: StaticString) throws(MemberFault) -> Value {
    try reading { (line) throws(MemberFault) in try line.member(name, nil) }
  }

  /// nil where the member is absent or null, as most members of reported usage are: that takes no reader.
  package func optional<Value: Described>(_ name: StaticString) throws(MemberFault) -> Value? {
    guard let value = self[name], value.kind != .null else { return nil }
    return try reading { (line) throws(MemberFault) in try line.optional(name, nil) }
  }

  /// What becomes of something: nothing where the member is absent, back to the default where it is null.
  package func update<Value: Described & Hashable & Sendable>(
    _ name: StaticString
  ) throws(MemberFault) -> OptionalUpdate<Value> {
    try reading { (line) throws(MemberFault) in try line.update(name, nil) }
  }
}
