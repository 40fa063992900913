/// What a fact consists of, for whoever wants to know without having one.
public struct FactOutline: FactCoder, Sendable {
  public struct Member: Hashable, Sendable {
    public var name: String
    /// What its value is, in words.
    public var form = ""
    public var mayBeMissing: Bool
    /// The list that it is a member of the objects of.
    public var list: String?
  }

  /// Stops where a rule is broken, which made-up values may do once everything has been named.
  public struct RuleBroken: Error {}
  public typealias Failure = RuleBroken
  public typealias Scope = String?

  public static var hasOneForm: Bool { false }

  public private(set) var members: [Member] = []
  /// Bits of a record that say which of the fact's own members are there.
  public private(set) var bitCount = 0
  /// How many there are to choose from in each choice.
  private(set) var choices: [Int] = []
  private let chosen: [Int: Int]
  private var list: String?
  /// Within a list of plain values, whose form stands with the list.
  private var isToldAlready = false

  /// `choosing` says which one, in the order of the choices; the first where it says nothing.
  private init(of kind: EventKind, choosing chosen: [Int: Int] = [:]) {
    self.chosen = chosen
    _ = try? Fact.described(as: kind, by: &self)
  }

  /// Every shape that a kind's facts have, what they say in their choices aside.
  public static func all(of kind: EventKind) -> [FactOutline] {
    let first = FactOutline(of: kind)
    var outlines = [first]
    for (choice, count) in first.choices.enumerated() {
      for option in 1..<max(count, 1) {
        let other = FactOutline(of: kind, choosing: [choice: option])
        if !outlines.contains(where: { $0.members == other.members }) { outlines.append(other) }
      }
    }
    return outlines
  }

  public mutating func begin(_ name: StaticString) {
    members.append(Member(name: name.description, mayBeMissing: false, list: list))
  }

  public mutating func begin(nullable name: StaticString) { begin(name) }

  public mutating func begin(optional name: StaticString, isThere: Bool?) -> Bool {
    members.append(Member(name: name.description, mayBeMissing: true, list: list))
    if list == nil { bitCount += 1 }
    return true
  }

  public mutating func begin(update name: StaticString, isThere: Bool?) -> Bool {
    begin(optional: name, isThere: isThere)
  }

  public mutating func null(_ isNull: Bool?) -> Bool {
    tell("null, or ")
    if list == nil { bitCount += 1 }
    return false
  }

  public mutating func flag(_ name: StaticString, _ isSo: Bool?) -> Bool {
    _ = begin(optional: name, isThere: isSo)
    tell("true")
    return true
  }

  public mutating func bool(_ value: Bool?) -> Bool {
    tell("true or false")
    return false
  }

  public mutating func integer<Number: FixedWidthInteger & Sendable>(
    _ value: Number?, in range: ClosedRange<Number>
  ) -> Number {
    tell("integer from \(range.lowerBound) to \(range.upperBound)")
    return range.lowerBound
  }

  public mutating func moment(_ value: Moment?) -> Moment {
    tell("time")
    return .earliest
  }

  public mutating func user(_ value: UserID?) -> UserID {
    tell("UUID")
    return UserID(high: 0, low: 0)
  }

  public mutating func entry(_ value: EntryID?) -> EntryID {
    tell("UUID of version 4")
    return EntryID(random: 0, 0)
  }

  public mutating func text<Text: DescribedText>(_ value: Text?) throws(RuleBroken) -> Text {
    tell("text")
    do { return try Text(stored: "a") } catch { throw RuleBroken() }
  }

  public mutating func choice<Choice: DescribedChoice>(_ value: Choice?) -> Choice {
    tell(Choice.allCases.map(\.name).joined(separator: ", "))
    let all = Array(Choice.allCases)
    choices.append(all.count)
    return all[chosen[choices.count - 1] ?? 0]
  }

  public mutating func words<Words: DescribedWords>(_ value: Words?) -> Words {
    tell("\(16 * Words.wordCount) hexadecimal digits")
    return Words(wordList: Array(repeating: 0, count: Words.wordCount))
  }

  public mutating func origin(_ value: Position?, of what: StaticString) -> Position {
    tell("position of \(what)")
    return .zero
  }

  public mutating func beginList(
    _ count: Int?, of content: StaticString, atMost maximum: Int
  ) -> Int {
    tell("list of at most \(maximum) \(content)")
    isToldAlready = true
    return 1
  }

  public mutating func beginValue(_ index: Int) {}

  public mutating func beginObject(_ index: Int) -> String? {
    defer { list = members.last?.name }
    isToldAlready = false
    return list
  }

  public mutating func endObject(_ outer: String?) { list = outer }
  public mutating func endList() { isToldAlready = false }

  public mutating func refuse(
    _ member: StaticString, _ rule: @autoclosure () -> String
  ) throws(RuleBroken) -> Never { throw RuleBroken() }

  private mutating func tell(_ form: String) {
    if !isToldAlready { members[members.count - 1].form += form }
  }
}

extension EventKind {
  /// How facts of a kind say whom they concern.
  public enum UserMember: Sendable {
    case never, always, perhaps
  }

  /// Whether the first member says whom a fact of the kind concerns.
  public var userMember: UserMember { Self.userMembers[Int(rawValue)] }

  private static let userMembers: [UserMember] = {
    var members = [UserMember](repeating: .never, count: Int(UInt8.max) + 1)
    for kind in allCases {
      guard let first = FactOutline.all(of: kind).first?.members.first, first.name == "user"
      else { continue }
      members[Int(kind.rawValue)] = first.mayBeMissing ? .perhaps : .always
    }
    return members
  }()
}
