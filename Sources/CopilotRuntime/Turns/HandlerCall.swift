internal import JSON
internal import QuotaModel
internal import QuotaService

/// Route a: the application's own request handler, over the connection that it registered on.
final class HandlerCall: ModelCall {
  struct Request {
    let session: String
    let url: String
    let headers: [(name: String, value: String)]
    let body: [UInt8]
  }

  let id = System.randomEntry().description
  private weak var client: RuntimeClient?
  private var onEvent: ((ModelCallEvent) -> Void)?
  private var hasHead = false
  /// Whether the handler has got the whole request: then it may have passed it on.
  private(set) var isSent = false

  init(_ client: RuntimeClient, _ onEvent: @escaping (ModelCallEvent) -> Void) {
    self.client = client
    self.onEvent = onEvent
  }

  func start(_ request: Request) {
    guard let client else { return fail(Self.lost) }
    client.modelCalls[id] = self
    client.connection.request("llmInference.httpRequestStart", parameters(of: request)) {
      [weak self] outcome in
      guard let self, onEvent != nil else { return }
      switch outcome {
      case .result where mayBeAnswered: sendBody(request.body)
      case .result: fail(Self.forbidden)
      case .failure(let refusal):
        fail("The request handler refused the call: \(refusal.message)")
      case .lost: fail(Self.lost)
      }
    }
  }

  /// Whether the handler, which has taken its time, may still see what is said and answer it.
  private var mayBeAnswered: Bool {
    client.map { $0.runtime.mayChange($0.identity) } ?? false
  }

  private static let forbidden = "The request handler may answer nothing any more."
  private static let lost = "The connection of the request handler has gone."

  private func sendBody(_ body: [UInt8]) {
    var json = JSONWriter()
    json.beginObject()
    json.member("requestId", id)
    json.name("data")
    json.string(utf8: body)
    json.member("end", true)
    json.endObject()
    isSent = true
    client?.connection.request("llmInference.httpRequestChunk", json.take()) {
      [weak self] outcome in
      guard let self else { return }
      switch outcome {
      case .result: break
      case .failure(let refusal):
        fail("The request handler refused the call: \(refusal.message)")
      case .lost: fail(Self.lost)
      }
    }
  }

  func cancel() {
    guard onEvent != nil else { return }
    onEvent = nil
    client?.modelCalls[id] = nil
    var json = JSONWriter()
    json.beginObject()
    json.member("requestId", id)
    json.member("data", "")
    json.member("cancel", true)
    json.member("cancelReason", "aborted")
    json.endObject()
    client?.connection.request("llmInference.httpRequestChunk", json.take()) { _ in }
  }

  func connectionLost() { fail(Self.lost) }

  /// What the handler says from now on is refused.
  func rightsEnded() { fail(Self.forbidden) }

  private func fail(_ text: String) { end(with: .failed(text, isSent: isSent)) }

  // MARK: What the handler says

  func begin(status: Int, contentType: String?) {
    guard !hasHead else { return }
    hasHead = true
    onEvent?(.head(status: status, contentType: contentType))
  }

  func take(_ bytes: [UInt8]) {
    if !bytes.isEmpty { onEvent?(.body(bytes)) }
  }

  func finish(failing text: String?) {
    if let text { fail(text) } else { end(with: .end) }
  }

  private func end(with event: ModelCallEvent) {
    client?.modelCalls[id] = nil
    let onEvent = onEvent
    self.onEvent = nil
    onEvent?(event)
  }

  private func parameters(of request: Request) -> [UInt8] {
    var json = JSONWriter()
    json.beginObject()
    json.member("requestId", id)
    json.member("sessionId", request.session)
    json.member("method", "POST")
    json.member("url", request.url)
    json.name("headers")
    json.beginObject()
    for (name, value) in request.headers {
      json.name(name)
      json.beginArray()
      json.string(value)
      json.endArray()
    }
    json.endObject()
    json.member("transport", "http")
    json.member("interactionType", "conversation-agent")
    json.endObject()
    return json.take()
  }
}
