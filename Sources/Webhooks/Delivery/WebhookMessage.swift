internal import EventJSON
internal import HTTPClient
internal import JSON
internal import QuotaModel

/// An event as a receiver gets it, by the rules of Standard Webhooks 1.0.0.
struct WebhookMessage {
  /// The same for every attempt, so that the receiver recognises a repetition.
  let id: String
  /// The canonical form of the event.
  let body: [UInt8]

  init(_ event: Event, of log: UserID) {
    id = "\(log)-\(event.position)"
    var json = JSONWriter()
    json.event(event)
    body = json.take()
  }

  func request(to webhook: Webhook, at moment: Moment) -> OutgoingRequest {
    let seconds = moment.microseconds / 1_000_000
    let signature = webhook.secret.signature(id: id, timestampSeconds: seconds, body: body)
    return OutgoingRequest(
      method: "POST", url: webhook.url.text,
      headers: [
        (name: "Content-Type", value: "application/json"),
        (name: "User-Agent", value: "quotalog"),
        (name: "webhook-id", value: id),
        (name: "webhook-timestamp", value: String(seconds)),
        (name: "webhook-signature", value: signature),
      ], body: body)
  }
}
