public import JSON
public import QuotaModel

extension JSONWriter {
  /// The canonical form of an event: one object, members in a fixed order. `Event(json:)` reads it.
  ///
  /// `name` is what the registered user is called; it is no part of the event.
  public mutating func event(_ event: Event, userName name: UserName? = nil) {
    beginObject()
    member("position", event.position)
    member("type", event.fact.kind.name)
    member("recorded_at", event.recordedAt)
    if let clock = event.decidedAt { member("decided_at", clock) }
    member("happened_at", event.happenedAt)
    self.name("actor")
    actor(event.actor)
    if let id = event.requestID { member("request_id", id.description) }
    if let reason = event.reason { member("reason", reason.description) }
    describe { event.fact.describe(to: &$0) }
    if let name { member("name", name.description) }
    endObject()
  }

  private mutating func actor(_ actor: Actor) {
    switch actor {
    case .service: string("service")
    case .operator: string("operator")
    case .user(let user):
      beginObject()
      member("user", user.description)
      endObject()
    }
  }
}
