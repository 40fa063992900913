internal import HTTPServer
internal import QuotaModel

/// A request that may be answered.
enum Admitted {
  /// A browser asks whether it may ask.
  case preflight
  case health(Route)
  case waldur(WaldurPath, Caller)
  case native(NativePath, Caller)
  case session(SessionPath, Caller)
  /// nil: nobody in particular asks for what is public.
  case evidence(EvidencePath, Caller?)
}

extension QuotaAPI {
  /// Everything that the head of a request decides: path, rights, method, media type.
  func admit(_ request: HTTPRequest) throws(EarlyAnswer) -> Admitted {
    if request.isPreflight { return .preflight }
    guard let route = route(of: request) else {
      throw EarlyAnswer(.detail(404, "Not found."))
    }
    switch route {
    case .waldur(let path): return .waldur(path, try admit(request, to: path))
    case .native(let path): return .native(path, try admit(request, to: path))
    case .session(let path): return .session(path, try admit(request, to: path))
    case .evidence(let path): return .evidence(path, try admit(request, to: path))
    case .live, .ready:
      guard request.method == .get || request.method == .head else {
        throw EarlyAnswer(
          .detail(
            405, "Method \"\(request.methodText)\" not allowed.",
            headers: [(name: "Allow", value: "GET, HEAD")]))
      }
      return .health(route)
    }
  }

  /// Adds what every answer of a path carries: `Allow`, and what browsers want to see.
  func finish(
    _ response: HTTPResponse, origin: String?, route: Route?, of request: HTTPRequest? = nil
  ) -> HTTPResponse {
    var response = response
    switch route {
    case .waldur(let path):
      response.headers.append((name: "Allow", value: path.allow))
    case .native(let path) where request?.method == .options || response.status == 405:
      response.headers.append((name: "Allow", value: path.allow))
    case .session(let path) where request?.method == .options || response.status == 405:
      response.headers.append((name: "Allow", value: path.allow))
    case .evidence where request?.method == .options || response.status == 405:
      response.headers.append((name: "Allow", value: EvidencePath.allow))
    case .native, .session, .evidence, .live, .ready, nil: break
    }
    if let origin {
      addCORS(to: &response, origin: origin, isPreflight: request?.isPreflight ?? false)
    }
    return response
  }

  private func addCORS(to response: inout HTTPResponse, origin: String, isPreflight: Bool) {
    switch settings.allowedOrigins {
    case .any: response.headers.append((name: "Access-Control-Allow-Origin", value: "*"))
    case .only(let origins):
      response.headers.append((name: "Vary", value: "Origin"))
      guard origins.contains(origin) else { return }
      response.headers.append((name: "Access-Control-Allow-Origin", value: origin))
    }
    guard isPreflight else {
      // Scripts of another origin see nothing else of an answer than these and the simplest fields.
      response.headers.append(
        (
          name: "Access-Control-Expose-Headers",
          value: "ratelimit, ratelimit-policy, retry-after, allow, www-authenticate"
        ))
      return
    }
    response.headers.append(
      (name: "Access-Control-Allow-Methods", value: "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"))
    response.headers.append(
      (
        name: "Access-Control-Allow-Headers",
        value: "accept, authorization, content-type, idempotency-key"
      ))
    response.headers.append((name: "Access-Control-Max-Age", value: "86400"))
  }
}

extension HTTPRequest {
  /// A CORS preflight needs no token.
  var isPreflight: Bool {
    method == .options && headers.contains("origin")
      && headers.contains("access-control-request-method")
  }

  /// Whether the head announces a body, or one has come.
  var hasBody: Bool {
    if !body.isEmpty { return true }
    return headers["content-length"].map { $0 != "0" } ?? false
  }
}
