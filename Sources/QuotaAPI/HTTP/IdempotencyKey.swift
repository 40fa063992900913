internal import EventJSON
internal import HTTPServer
internal import JSON
internal import QuotaModel

extension HTTPRequest {
  /// What the client calls its request; the draft's quotes around it do not count.
  var idempotencyKey: String? {
    guard let key = headers["idempotency-key"] else { return nil }
    guard key.count >= 2, key.first == "\"", key.last == "\"" else { return key }
    return String(key.dropFirst().dropLast())
  }

  /// The `id` of a body, or the header `Idempotency-Key`; nil without both.
  func requestID(_ body: JSONValue?) throws(MemberFault) -> RequestID? {
    let stated = try body?.bounded("id", RequestID.init)
    guard let key = idempotencyKey else { return stated }
    let header: RequestID
    do { header = try RequestID(key) } catch {
      throw MemberFault(member: "Idempotency-Key", rule: error.description)
    }
    if let stated, stated != header {
      throw MemberFault(member: "id", rule: "differs from the Idempotency-Key header")
    }
    return header
  }

  func requiredRequestID(_ body: JSONValue) throws(MemberFault) -> RequestID {
    guard let id = try requestID(body) else {
      throw MemberFault(
        member: "id", rule: "is required (or the Idempotency-Key header): it makes retries safe")
    }
    return id
  }
}
