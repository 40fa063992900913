internal import Encodings
internal import HTTPClient
internal import JSON
internal import QuotaModel

/// An application's own model endpoint (contract session-limits, section 5).
struct Provider {
  /// Without a user part: what stood there is a header field.
  let url: String
  let headers: [(name: String, value: String)]
  /// What the address holds in confidence.
  let secrets: [String]
  /// What the endpoint serves, as the client says: what it calls the model there, and by which name it
  /// is known; none: whatever it has.
  let models: [ModelName]
  let maximumOutputTokens: Int64?
  /// Whether a process of the service's own system user named it, who may call this machine.
  let isLocal: Bool

  init(_ json: JSONValue, isLocal: Bool) throws(CallFault) {
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
    let base = try members.requiredText("baseUrl")
    guard let endpoint = EndpointURL(base, appending: "/chat/completions") else {
      throw .text("provider.baseUrl must be an absolute URL that begins with http:// or https://")
    }
    url = endpoint.text
    headers = try Self.headers(members, endpoint)
    secrets = Self.secrets(of: endpoint)
    models = try Self.models(members)
    maximumOutputTokens = try members.integer("maxOutputTokens", in: 1...1_000_000_000)
    self.isLocal = isLocal
  }

  private static func models(_ members: Parameters) throws(CallFault) -> [ModelName] {
    var models: [ModelName] = []
    for (member, text) in [
      ("wireModel", try members.optionalText("wireModel")),
      ("modelId", try members.optionalText("modelId")),
    ] {
      guard let text, !text.isEmpty else { continue }
      do { models.append(try ModelName(text)) } catch { throw .text("provider.\(member) \(error)") }
    }
    return models
  }

  private static func headers(
    _ members: Parameters, _ endpoint: EndpointURL
  ) throws(CallFault) -> [(name: String, value: String)] {
    var headers = try HeaderList.read(members["headers"], "provider.headers")
    // A bearer token wins over a key, and both over what stands in the address.
    let key = try members.optionalText("apiKey")
    if let secret = try members.optionalText("bearerToken") ?? key {
      headers.removeAll { $0.name == "authorization" }
      headers.append((name: "authorization", value: "Bearer \(secret)"))
    } else if endpoint.user != nil || endpoint.password != nil {
      let pair = "\(endpoint.user ?? ""):\(endpoint.password ?? "")"
      headers.removeAll { $0.name == "authorization" }
      headers.append((name: "authorization", value: "Basic \(Base64.encode(Array(pair.utf8)))"))
    }
    return headers
  }

  private static func secrets(of endpoint: EndpointURL) -> [String] {
    let values = (endpoint.query ?? "").split(separator: "&").flatMap { field in
      [String(field)] + field.split(separator: "=", maxSplits: 1).dropFirst().map(String.init)
    }
    return [endpoint.user, endpoint.password, endpoint.query].compactMap(\.self) + values
  }
}
