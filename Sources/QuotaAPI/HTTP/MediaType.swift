internal import HTTPServer

/// Media types of bodies, from a `Content-Type` header.
enum MediaType: Hashable {
  case json
  case form
  case jsonLines
  case cloudEvent
  case cloudEventBatch
  case other

  /// The type of a request's body.
  init(of request: HTTPRequest) {
    // What nearly every client sends costs one comparison.
    if let bytes = request.headers.bytes(of: "content-type"), bytes.elementsEqual(Self.jsonBytes) {
      self = .json
    } else {
      self.init(contentType: request.headers["content-type"])
    }
  }

  private static let jsonBytes = Array("application/json".utf8)

  /// Parameters and letter case do not matter.
  init(contentType: String?) {
    let essence = (contentType ?? "").prefix { $0 != ";" }
    switch trimmed(essence).lowercased() {
    case "application/json": self = .json
    case "application/x-www-form-urlencoded": self = .form
    case "application/jsonl", "application/x-ndjson", "application/x-jsonlines",
      "application/json-lines":
      self = .jsonLines
    case "application/cloudevents+json": self = .cloudEvent
    case "application/cloudevents-batch+json": self = .cloudEventBatch
    default: self = .other
    }
  }
}

/// Whether an `Accept` header lets us answer with `type/subtype`; quality values are ignored.
func accepts(_ header: String?, _ type: String, _ subtype: String) -> Bool {
  guard let header else { return true }
  return header.split(separator: ",").contains { part in
    let range = trimmed(part.prefix { $0 != ";" }).lowercased()
    return range == "*/*" || range == "\(type)/*" || range == "\(type)/\(subtype)"
  }
}

/// Without spaces and tabs at both ends.
func trimmed(_ text: some StringProtocol) -> String {
  let isBlank = { (character: Character) in character == " " || character == "\t" }
  var core = text.drop(while: isBlank)
  while let last = core.last, isBlank(last) { core.removeLast() }
  return String(core)
}
