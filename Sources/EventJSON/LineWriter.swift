package import JSON
package import QuotaModel

/// Writes what facts consist of as members of the object that is open; `LineReader` reads them.
package struct LineWriter: FactCoder {
  package typealias Failure = Never
  package typealias Scope = Void

  package static var hasOneForm: Bool { true }

  fileprivate var json: JSONWriter

  package mutating func begin(_ name: StaticString) { json.name(name) }

  package mutating func begin(nullable name: StaticString) { json.name(name) }

  package mutating func begin(optional name: StaticString, isThere: Bool?) -> Bool {
    let isThere = given(isThere)
    if isThere { json.name(name) }
    return isThere
  }

  package mutating func begin(update name: StaticString, isThere: Bool?) -> Bool {
    begin(optional: name, isThere: isThere)
  }

  package mutating func null(_ isNull: Bool?) -> Bool {
    let isNull = given(isNull)
    if isNull { json.null() }
    return isNull
  }

  package mutating func flag(_ name: StaticString, _ isSo: Bool?) -> Bool {
    let isSo = given(isSo)
    if isSo { json.member(name, true) }
    return isSo
  }

  package mutating func bool(_ value: Bool?) -> Bool {
    let value = given(value)
    json.bool(value)
    return value
  }

  package mutating func integer<Number: FixedWidthInteger & Sendable>(
    _ value: Number?, in range: ClosedRange<Number>
  ) -> Number {
    let value = given(value)
    json.integer(value)
    return value
  }

  package mutating func moment(_ value: Moment?) -> Moment {
    let value = given(value)
    json.moment(value)
    return value
  }

  package mutating func user(_ value: UserID?) -> UserID { spelled(value) }
  package mutating func entry(_ value: EntryID?) -> EntryID { spelled(value) }
  package mutating func text<Text: DescribedText>(_ value: Text?) -> Text { spelled(value) }
  package mutating func words<Words: DescribedWords>(_ value: Words?) -> Words { spelled(value) }

  package mutating func choice<Choice: DescribedChoice>(_ value: Choice?) -> Choice {
    let value = given(value)
    json.string(value.name)
    return value
  }

  package mutating func origin(_ value: Position?, of what: StaticString) -> Position {
    spelled(value)
  }

  package mutating func beginList(
    _ count: Int?, of content: StaticString, atMost maximum: Int
  ) -> Int {
    json.beginArray()
    return given(count)
  }

  package mutating func beginValue(_ index: Int) {}
  package mutating func beginObject(_ index: Int) { json.beginObject() }
  package mutating func endObject(_ outer: Void) { json.endObject() }
  package mutating func endList() { json.endArray() }

  package mutating func refuse(
    _ member: StaticString, _ rule: @autoclosure () -> String
  ) -> Never {
    preconditionFailure("a fact that exists breaks a rule: \(member) \(rule())")
  }

  private mutating func spelled<Value: CustomStringConvertible>(_ value: Value?) -> Value {
    let value = given(value)
    json.string(value.description)
    return value
  }

  /// What a writer is given is there.
  private func given<Value>(_ value: Value?) -> Value {
    guard let value else { preconditionFailure("a description keeps back what it names") }
    return value
  }
}

extension JSONWriter {
  /// Writes members as they are described into the object that is open.
  package mutating func describe(_ members: (inout LineWriter) -> Void) {
    var line = LineWriter(json: self)
    self = JSONWriter()
    members(&line)
    self = line.json
  }

  /// A list of objects as they are described.
  package mutating func objects<Element: Described>(_ name: StaticString, _ elements: [Element]) {
    describe { _ = $0.objects(name, elements, atMost: elements.count) }
  }
}
