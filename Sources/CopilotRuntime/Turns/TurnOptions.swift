internal import JSON
internal import QuotaModel

/// How a session's model is called, as its clients said when they created or resumed it. It is kept in
/// memory only: a provider has secrets.
struct TurnOptions {
  var provider: Provider?
  var isStreaming: Bool?
  var systemMessage: String?

  init(_ parameters: Parameters) throws(CallFault) {
    provider = try parameters["provider"].map { (json) throws(CallFault) in try Provider(json) }
    isStreaming = try parameters.bool("streaming")
    systemMessage = try parameters.systemMessage()
  }
}

/// An application's own model endpoint (contract session-limits, section 5).
struct Provider {
  let url: String
  let headers: [(name: String, value: String)]
  /// What the endpoint calls the model; nil: as the session does.
  let model: String?
  let maximumOutputTokens: Int64?

  init(_ json: JSONValue) throws(CallFault) {
    let members = Parameters(json)
    guard json.kind == .object else { throw .text("provider must be an object") }
    let type = try members.optionalText("type") ?? "openai"
    guard type == "openai" else {
      throw .text("provider.type \(type) is not supported; only openai is")
    }
    let wire = try members.optionalText("wireApi") ?? "completions"
    guard wire == "completions" else {
      throw .text("provider.wireApi \(wire) is not supported; only completions is")
    }
    var base = try members.requiredText("baseUrl")
    guard base.hasPrefix("http://") || base.hasPrefix("https://") else {
      throw .text("provider.baseUrl must begin with http:// or https://")
    }
    while base.hasSuffix("/") { base.removeLast() }
    url = base + "/chat/completions"
    let ownModel = try members.optionalText("modelId")
    model = try members.optionalText("wireModel") ?? ownModel
    maximumOutputTokens = try members.integer("maxOutputTokens", in: 1...1_000_000_000)
    headers = try Self.headers(members)
  }

  private static func headers(
    _ members: Parameters
  ) throws(CallFault) -> [(name: String, value: String)] {
    var headers = try HeaderList.read(members["headers"], "provider.headers")
    // A bearer token wins over a key.
    let key = try members.optionalText("apiKey")
    if let secret = try members.optionalText("bearerToken") ?? key {
      headers.removeAll { $0.name == "authorization" }
      headers.append((name: "authorization", value: "Bearer \(secret)"))
    }
    return headers
  }
}

/// Header fields as an object of texts; names come out in lower case.
enum HeaderList {
  /// Far more than any endpoint takes.
  private static let maximumCount = 100
  private static let maximumByteCount = 16_384

  static func read(
    _ json: JSONValue?, _ name: String
  ) throws(CallFault) -> [(name: String, value: String)] {
    guard let json else { return [] }
    guard json.kind == .object else { throw .text("\(name) must be an object") }
    guard json.count <= maximumCount, json.sourceText.count <= maximumByteCount else {
      throw .text(
        "\(name) must have at most \(maximumCount) fields and \(maximumByteCount) bytes")
    }
    var headers: [(name: String, value: String)] = []
    for (field, value) in json.members {
      guard let text = value.string else { throw .text("\(name).\(field) must be a string") }
      guard isFieldName(field), !text.utf8.contains(where: { $0 < 0x20 && $0 != 9 || $0 == 0x7F })
      else { throw .text("\(name).\(field) is no header field") }
      headers.append((name: field.lowercased(), value: text))
    }
    return headers
  }

  private static func isFieldName(_ text: String) -> Bool {
    !text.isEmpty
      && text.utf8.allSatisfy { byte in
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte)
          || (0x61...0x7A).contains(byte) || "!#$%&'*+-.^_`|~".utf8.contains(byte)
      }
  }
}
