internal import EventJSON
internal import HTTPServer
internal import JSON
internal import QuotaModel
internal import QuotaService

extension QuotaAPI {
  /// `GET /v1/webhooks`
  func webhooks() throws(Problem) -> HTTPResponse {
    let statuses = webhookStatuses()
    // Asked for last, so that none has come further.
    let head = try reading { () throws(StoreFailure) in try queries.head() }
    return .json(200) { json in
      json.beginObject()
      json.name("webhooks")
      json.beginArray()
      for status in statuses { json.webhook(status, head: head) }
      json.endArray()
      json.endObject()
    }
  }
}

extension JSONWriter {
  fileprivate mutating func webhook(_ status: WebhookStatus, head: Position) {
    beginObject()
    member("name", status.name)
    member("url", status.url)
    name("types")
    beginArray()
    for kind in EventKind.allCases where status.kinds.contains(kind) { string(kind.name) }
    endArray()
    member("position", status.position)
    member("head", head)
    member("pending", status.position < head)
    member("disabled", status.isDisabled)
    if let moment = status.lastAttemptAt {
      member("last_attempt_at", moment)
    } else {
      name("last_attempt_at")
      null()
    }
    name("last_error")
    if let error = status.lastError { string(error) } else { null() }
    member("failures", status.failureCount)
    endObject()
  }
}
