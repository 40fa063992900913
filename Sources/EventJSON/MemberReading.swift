package import JSON
package import QuotaModel

/// A member of a JSON object that is not what it has to be.
public struct MemberFault: Error, Hashable, Sendable, CustomStringConvertible {
  public let member: String
  public let rule: String

  package init(member: String, rule: String) {
    self.member = member
    self.rule = rule
  }

  public var description: String { "\(member) \(rule)" }
}

/// Typed reading of an object's members; every fault names the member and the rule.
extension JSONValue {
  package func required(_ name: StaticString) throws(MemberFault) -> JSONValue {
    guard let value = self[name] else {
      throw MemberFault(member: name.description, rule: "is required")
    }
    return value
  }

  /// The text of a member; nil where it is absent or null.
  package func text(_ name: StaticString) throws(MemberFault) -> String? {
    guard let value = self[name], value.kind != .null else { return nil }
    guard let text = value.string else {
      throw MemberFault(member: name.description, rule: "must be a string")
    }
    return text
  }

  package func requiredText(_ name: StaticString) throws(MemberFault) -> String {
    guard let text = try text(name) else {
      throw MemberFault(member: name.description, rule: "is required")
    }
    return text
  }

  /// A token number, which is read here because every report of usage has some.
  package func tokens(_ name: StaticString) throws(MemberFault) -> TokenCount? {
    guard let value = self[name], value.kind != .null else { return nil }
    guard let tokens = value.int64.flatMap(TokenCount.init) else {
      throw MemberFault(
        member: name.description, rule: "must be an integer from 0 to \(Int64.max)")
    }
    return tokens
  }

  package func moment(_ name: StaticString) throws(MemberFault) -> Moment? { try optional(name) }

  package func bool(_ name: StaticString) throws(MemberFault) -> Bool? { try optional(name) }

  /// A limit; nil for null.
  package func limit(_ name: StaticString) throws(MemberFault) -> TokenLimit? {
    let value = try required(name)
    if value.kind == .null { return nil }
    guard let number = value.int64, let limit = TokenLimit(number) else {
      throw MemberFault(
        member: name.description,
        rule: "must be an integer from -1 (unlimited) to 9007199254740991")
    }
    return limit
  }

  /// A text that has to follow a rule of its own.
  package func bounded<Bounded>(
    _ name: StaticString, _ make: (String) throws(TextRule) -> Bounded
  ) throws(MemberFault) -> Bounded? {
    guard let text = try text(name) else { return nil }
    do {
      return try make(text)
    } catch {
      throw MemberFault(member: name.description, rule: error.description)
    }
  }
}
