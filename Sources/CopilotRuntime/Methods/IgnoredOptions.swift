internal import JSON
internal import QuotaModel

/// What a client has set that has no effect here. It is found by what is understood, so that an option
/// of an SDK to come is told as well.
enum IgnoredOptions {
  /// Of `session.create` and `session.resume`.
  static func ofSession(_ parameters: Parameters) -> [CallMark] {
    names(in: parameters.json, understood: session, prefix: "")
      + names(in: parameters["provider"], understood: provider, prefix: "provider.")
      + names(in: parameters["systemMessage"], understood: systemMessage, prefix: "systemMessage.")
  }

  /// Of `session.send` and `session.sendAndWait`.
  static func ofMessage(_ parameters: Parameters) -> [CallMark] {
    names(in: parameters.json, understood: message, prefix: "")
  }

  /// Of `session.model.switchTo`.
  static func ofSwitch(_ parameters: Parameters) -> [CallMark] {
    names(in: parameters.json, understood: ["sessionId", "modelId"], prefix: "")
  }

  /// Of `session.options.update`.
  static func ofUpdate(_ parameters: Parameters) -> [CallMark] {
    names(in: parameters.json, understood: session, prefix: "")
  }

  /// Those that are read, and those that every SDK sends: they say what the client can be asked, which
  /// it never is here, or how it wants what does not exist here.
  private static let session: Set<String> = [
    "sessionId", "model", "sessionLimits", "provider", "streaming", "systemMessage",
    "workingDirectory", "suppressResumeEvent", "disableResume", "clientName",
    "toolFilterPrecedence",
    "requestPermission", "requestUserInput", "requestElicitation", "requestExitPlanMode",
    "requestAutoModeSwitch", "requestMcpApps", "envValueMode", "includeSubAgentStreamingEvents",
    "enableSessionTelemetry", "enableGitHubTelemetryForwarding", "traceparent", "tracestate",
  ]
  private static let provider: Set<String> = [
    "type", "wireApi", "baseUrl", "apiKey", "bearerToken", "headers", "modelId", "wireModel",
    "maxOutputTokens", "modelProvider",
  ]
  private static let systemMessage: Set<String> = ["content", "mode"]
  private static let message: Set<String> = [
    "sessionId", "prompt", "requestHeaders", "traceparent", "tracestate",
  ]

  /// What an SDK sends for an option that was left alone, where that is not nothing.
  private static let defaults: [String: String] = ["mode": "enqueue"]

  private static func names(
    in json: JSONValue?, understood: Set<String>, prefix: String
  ) -> [CallMark] {
    guard let json, json.kind == .object else { return [] }
    var names: [CallMark] = []
    for (name, value) in json.members
    where !understood.contains(name) && isSet(value, name) && isName(name) {
      // No session tells of more, however many a client sends.
      guard names.count < Session.maximumIgnoredOptionCount else { break }
      guard let mark = try? CallMark(prefix + name), !names.contains(mark) else { continue }
      names.append(mark)
    }
    return names
  }

  /// Whether the value asks for anything.
  private static func isSet(_ value: JSONValue, _ name: String) -> Bool {
    switch value.kind {
    case .null: false
    case .boolean: value.bool == true
    case .number: true
    case .string: value.string != "" && value.string != defaults[name]
    case .array: value.count > 0
    case .object: value["enabled"]?.bool != false && value.members.contains { _ in true }
    }
  }

  /// Whether it may be an option's name: whatever else stands there is the client's own affair.
  private static func isName(_ text: String) -> Bool {
    text.utf8.count <= 64
      && text.utf8.allSatisfy { byte in
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte)
          || (0x61...0x7A).contains(byte)
      }
  }
}
