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

  /// A token number; nil where it is absent or null.
  package func tokens(_ name: StaticString) throws(MemberFault) -> TokenCount? {
    guard let value = self[name], value.kind != .null else { return nil }
    guard let number = value.int64, let tokens = TokenCount(number) else {
      throw MemberFault(
        member: name.description, rule: "must be an integer from 0 to 9223372036854775807")
    }
    return tokens
  }

  package func requiredTokens(_ name: StaticString) throws(MemberFault) -> TokenCount {
    guard let tokens = try tokens(name) else {
      throw MemberFault(member: name.description, rule: "is required")
    }
    return tokens
  }

  package func moment(_ name: StaticString) throws(MemberFault) -> Moment? {
    guard let text = try text(name) else { return nil }
    do {
      return try Moment(rfc3339: text)
    } catch {
      throw MemberFault(
        member: name.description, rule: "must be a time by RFC 3339: \(error)")
    }
  }

  package func requiredMoment(_ name: StaticString) throws(MemberFault) -> Moment {
    guard let moment = try moment(name) else {
      throw MemberFault(member: name.description, rule: "is required")
    }
    return moment
  }

  package func userID(_ name: StaticString) throws(MemberFault) -> UserID {
    guard let user = UserID(spelling: try requiredText(name)) else {
      throw MemberFault(member: name.description, rule: "must be a UUID")
    }
    return user
  }

  package func bool(_ name: StaticString) throws(MemberFault) -> Bool? {
    guard let value = self[name], value.kind != .null else { return nil }
    guard let bool = value.bool else {
      throw MemberFault(member: name.description, rule: "must be true or false")
    }
    return bool
  }

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

  package func role(_ name: StaticString) throws(MemberFault) -> Role? {
    guard let text = try text(name) else { return nil }
    guard let role = Role(name: text) else {
      let names = Role.allCases.map(\.name).joined(separator: ", ")
      throw MemberFault(member: name.description, rule: "must be one of \(names)")
    }
    return role
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
