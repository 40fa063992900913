internal import EventJSON
internal import HTTPServer
public import JSON
public import QuotaModel
public import QuotaService

extension QuotaAPI {
  /// `GET /v1/consumers`
  func consumers() throws(Problem) -> HTTPResponse {
    let consumers = try desk().consumers.all
    // Asked for last, so that nobody has come further.
    let head = try head()
    return .json(200) { json in
      json.beginObject()
      json.name("consumers")
      json.beginArray()
      for consumer in consumers { json.consumer(consumer, head: head) }
      json.endArray()
      json.member("head", head)
      json.endObject()
    }
  }

  /// `GET /v1/consumers/{name}`
  func consumer(_ name: String) throws(Problem) -> HTTPResponse {
    try Self.document(knownConsumer(name), head: head(), status: 200)
  }

  /// `PUT /v1/consumers/{name}`
  func keepConsumer(
    _ name: String, _ request: HTTPRequest, _ caller: Caller, _ reply: ReplyHandle
  ) throws(Problem) -> HTTPResponse? {
    let name = try consumerName(name)
    // Without a body it is made, or stays where it is.
    let body = request.body.isEmpty ? nil : try object(request)
    let position: Position?
    let mayRewind: Bool
    do throws(MemberFault) {
      position = try body?.optional("position")
      mayRewind = try body?.bool("rewind") ?? false
    } catch {
      throw Problem(error)
    }
    try submit(
      .acknowledge(name, upTo: position, mayRewind: mayRewind, by: caller.asConsumer), request,
      reply)
    return nil
  }

  /// `DELETE /v1/consumers/{name}`
  func removeConsumer(
    _ name: String, _ request: HTTPRequest, _ caller: Caller, _ reply: ReplyHandle
  ) throws(Problem) -> HTTPResponse? {
    try submit(.remove(consumerName(name), by: caller.asConsumer), request, reply)
    return nil
  }

  /// The consumer that a query names; nil where it names none.
  func consumer(of query: QueryParameters) throws(Problem) -> Consumer? {
    try query["consumer"].map { (name) throws(Problem) in try knownConsumer(name, "consumer") }
  }

  private func submit(
    _ command: ConsumerRequest, _ request: HTTPRequest, _ reply: ReplyHandle
  ) throws(Problem) {
    let origin = request.headers["origin"]
    let route = route(of: request)
    let isTaken = try desk().submit(command) { [unowned self] answer in
      server?.complete(reply, finish(response(to: answer), origin: origin, route: route))
    }
    guard isTaken else {
      throw Problem(503, "unavailable", "nothing was written: too many requests wait for the disk")
    }
  }

  private func response(to answer: ConsumerAnswer) -> HTTPResponse {
    do throws(Problem) {
      switch answer {
      case .kept(let consumer, let isNew):
        return try Self.document(consumer, head: head(), status: isNew ? 201 : 200)
      case .removed: return HTTPResponse(status: 204)
      case .refused(let refusal): throw Problem(refusal)
      case .failed(let failure):
        throw Problem(503, "unavailable", "the consumer stays as it was: \(failure)")
      }
    } catch {
      return error.response
    }
  }

  private func head() throws(Problem) -> Position {
    try reading { () throws(StoreFailure) in try queries.head() }
  }

  private func desk() throws(Problem) -> ConsumerDesk {
    guard let consumerDesk else {
      throw Problem(503, "unavailable", "this process keeps no consumers")
    }
    return consumerDesk
  }

  private func knownConsumer(
    _ text: String, _ member: String = "name"
  ) throws(Problem) -> Consumer {
    let name = try consumerName(text, member)
    guard let consumer = try desk().consumers[name] else { throw .unknownConsumer(member) }
    return consumer
  }

  private func consumerName(
    _ text: String, _ member: String = "name"
  ) throws(Problem) -> ConsumerName {
    do { return try ConsumerName(text) } catch { throw .invalid(member, error.description) }
  }

  private static func document(
    _ consumer: Consumer, head: Position, status: Int
  ) -> HTTPResponse {
    .json(status) { $0.consumer(consumer, head: head) }
  }
}

extension Caller {
  fileprivate var asConsumer: ConsumerCaller {
    ConsumerCaller(user: user, mayChangeAll: role == .staff)
  }
}

extension Problem {
  fileprivate static func unknownConsumer(_ member: String) -> Problem {
    Problem(
      404, "unknown_consumer", "there is no such consumer: PUT /v1/consumers/NAME makes one",
      member: member)
  }

  fileprivate init(_ refusal: ConsumerRefusal) {
    switch refusal {
    case .unknown: self = .unknownConsumer("name")
    case .ofAnother:
      self.init(403, "foreign_consumer", "the consumer belongs to somebody else", member: "name")
    case .behind(let position):
      self.init(
        409, "would_rewind",
        "the consumer has come to position \(position) already: to go back, say \"rewind\": true",
        member: "position", position: position.rawValue)
    case .beyondHead(let head): self = .beyondHead("position", head)
    case .tooMany(let limit):
      self.init(
        409, "too_many_consumers", "there are \(limit) consumers, as many as may be: delete one",
        member: "name")
    }
  }
}

extension JSONWriter {
  public mutating func consumer(_ consumer: Consumer, head: Position) {
    beginObject()
    member("name", consumer.name.description)
    member("position", consumer.position)
    member("head", head)
    member("lag", head.rawValue - min(head, consumer.position).rawValue)
    member("owner", consumer.owner.description)
    member("updated_at", consumer.updatedAt)
    endObject()
  }
}
