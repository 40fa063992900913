public import JSON
public import QuotaModel

extension Event {
  /// Reads the canonical form that `JSONWriter.event` writes.
  public init(json: JSONValue) throws(MemberFault) {
    guard json.kind == .object else {
      throw MemberFault(member: "the line", rule: "must be an object")
    }
    let kindName = try json.requiredText("type")
    guard let kind = EventKind(name: kindName) else {
      throw MemberFault(
        member: "type", rule: "is \(kindName), which this version of quotalog does not know")
    }
    var members = LineReader(json)
    self.init(
      position: try members.member("position", nil),
      recordedAt: try members.member("recorded_at", nil),
      decidedAt: try members.optional("decided_at", nil),
      happenedAt: try members.member("happened_at", nil), actor: try json.actor("actor"),
      requestID: try members.optional("request_id", nil),
      reason: try members.optional("reason", nil),
      fact: try Fact.described(as: kind, by: &members))
  }
}

extension JSONValue {
  fileprivate func actor(_ name: StaticString) throws(MemberFault) -> Actor {
    let value = try required(name)
    if value.stringEquals("service") { return .service }
    if value.stringEquals("operator") { return .operator }
    guard value.kind == .object else {
      throw MemberFault(
        member: name.description, rule: "must be \"service\", \"operator\" or {\"user\": …}")
    }
    return .user(try value.member("user"))
  }
}
