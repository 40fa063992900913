internal import EventLoop
internal import HTTPClient
internal import JSON
internal import QuotaModel
internal import QuotaService

/// A model call under way.
protocol ModelCall: AnyObject {
  /// Gives it up; nothing more is told.
  func cancel()
}

/// What comes of a model call, in this order; `end` or `failed` is the last.
enum ModelCallEvent {
  case head(status: Int, contentType: String?)
  case body([UInt8])
  case end
  case failed(String)
}

/// Where model calls go (contract session-limits, section 5).
enum ModelRoute {
  /// What a handler is shown where the session has no provider; nobody can be reached there.
  private static let nowhere = "https://models.quotalog.invalid/v1/chat/completions"

  /// Calls the model by the first route that applies; nil where none does.
  static func start(
    _ body: [UInt8], _ send: Send, _ engine: SessionEngine,
    _ onEvent: @escaping (ModelCallEvent) -> Void
  ) -> (any ModelCall)? {
    var headers: [(name: String, value: String)] = [
      ("content-type", "application/json"), ("accept-encoding", "identity"),
      ("accept", engine.isStreaming ? "text/event-stream" : "application/json"),
    ]
    for field in (engine.provider?.headers ?? []) + send.headers {
      headers.removeAll { $0.name == field.name }
      headers.append(field)
    }
    if let handler = engine.handler(for: send) {
      let call = HandlerCall(handler, onEvent)
      call.start(
        HandlerCall.Request(
          session: engine.session.id.description, url: engine.provider?.url ?? nowhere,
          headers: headers, body: body))
      return call
    }
    guard let provider = engine.provider else { return nil }
    return ProviderCall(provider.url, headers, body, engine.runtime, onEvent)
  }
}

/// Route b: the session's own endpoint, over HTTP.
private final class ProviderCall: ModelCall {
  private var exchange: Exchange?

  init(
    _ url: String, _ headers: [(name: String, value: String)], _ body: [UInt8],
    _ runtime: CopilotRuntime, _ onEvent: @escaping (ModelCallEvent) -> Void
  ) {
    let request = OutgoingRequest(method: "POST", url: url, headers: headers, body: body)
    do throws(HTTPClientFailure) {
      exchange = try runtime.http.send(request) { event in
        switch event {
        case .head(let status, let headers):
          let type = headers.first { $0.name.lowercased() == "content-type" }?.value
          onEvent(.head(status: status, contentType: type))
        case .body(let bytes): onEvent(.body(bytes))
        case .end: onEvent(.end)
        case .failed(let failure): onEvent(.failed("The model endpoint: \(failure)."))
        }
      }
    } catch {
      let text = "The model endpoint: \(error)."
      runtime.loop.runAfterCallback { onEvent(.failed(text)) }
    }
  }

  func cancel() { exchange?.cancel() }
}
