internal import EventLoop
internal import HTTPClient
internal import JSON
internal import QuotaModel
internal import QuotaService

/// A model call under way.
protocol ModelCall: AnyObject {
  /// Whether it may have reached a model.
  var isSent: Bool { get }
  /// Gives it up; nothing more is told.
  func cancel()
}

/// What comes of a model call, in this order; `end` or `failed` is the last.
enum ModelCallEvent {
  case head(status: Int, contentType: String?)
  case body([UInt8])
  case end
  /// `isSent`: it may have reached a model before.
  case failed(String, isSent: Bool)
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
    return ProviderCall(provider, headers, body, engine, onEvent)
  }
}

/// Route b: the session's own endpoint, over HTTP.
private final class ProviderCall: ModelCall {
  private let runtime: CopilotRuntime
  private let user: UserID?
  private let onEvent: (ModelCallEvent) -> Void
  private var exchange: Exchange?
  /// Whether one of the user's outgoing calls is this.
  private var isCounted = false

  init(
    _ provider: Provider, _ headers: [(name: String, value: String)], _ body: [UInt8],
    _ engine: SessionEngine, _ onEvent: @escaping (ModelCallEvent) -> Void
  ) {
    runtime = engine.runtime
    user = engine.session.user
    self.onEvent = onEvent
    guard runtime.outgoingCalls.begin(of: user) else {
      fail("Too many model calls of this user are under way; wait for one of them.")
      return
    }
    isCounted = true
    var request = OutgoingRequest(method: "POST", url: provider.url, headers: headers, body: body)
    request.destinations = Destinations(
      listed: runtime.providerHosts, allowsLoopback: provider.isLocal)
    do throws(HTTPClientFailure) {
      exchange = try runtime.http.send(request) { [self] in take($0) }
    } catch {
      release()
      fail(error.ofEndpoint)
    }
  }

  var isSent: Bool { exchange?.isSent ?? false }

  func cancel() {
    exchange?.cancel()
    release()
  }

  private func take(_ event: ResponseEvent) {
    switch event {
    case .head(let status, let headers):
      let type = headers.first { $0.name.lowercased() == "content-type" }?.value
      onEvent(.head(status: status, contentType: type))
    case .body(let bytes): onEvent(.body(bytes))
    case .end:
      release()
      onEvent(.end)
    case .failed(let failure):
      release()
      onEvent(.failed(failure.ofEndpoint, isSent: isSent))
    }
  }

  /// Not from within the call's beginning: who asked for it does not have it yet.
  private func fail(_ text: String) {
    runtime.loop.runAfterCallback { [onEvent] in onEvent(.failed(text, isSent: false)) }
  }

  private func release() {
    if isCounted { runtime.outgoingCalls.end(of: user) }
    isCounted = false
  }
}

extension HTTPClientFailure {
  /// What people are told; a refusal names the setting that would let the call through.
  fileprivate var ofEndpoint: String {
    let text = "The model endpoint: \(description)"
    guard self == .forbiddenAddress else { return text }
    return text + " An operator can allow it by provider_hosts (--provider-hosts)."
  }
}
