internal import JSON
internal import QuotaModel
internal import Webhooks

extension ServeConfiguration {
  private static let maximumWebhookCount = 64

  /// `webhooks`: who outside is told of which events.
  mutating func readWebhooks(_ json: JSONValue, of path: String) throws(ExitFailure) {
    guard json.kind == .array, json.count <= Self.maximumWebhookCount else {
      throw ExitFailure(
        .badData,
        "webhooks in \(path) must be a list of at most \(Self.maximumWebhookCount) objects")
    }
    for (index, element) in json.elements.enumerated() {
      let entry = WebhookEntry(index: index, json: element, path: path)
      let webhook = try entry.webhook()
      guard !webhooks.contains(where: { $0.name == webhook.name }) else {
        throw entry.fault(".name", "must differ from every other webhook's")
      }
      webhooks.append(webhook)
    }
  }
}

/// One webhook of a configuration file. No fault repeats what the file says: it may be a secret.
private struct WebhookEntry {
  private static let members: Set<String> = ["name", "url", "secret", "secret_file", "types"]

  let index: Int
  let json: JSONValue
  let path: String

  func webhook() throws(ExitFailure) -> Webhook {
    guard json.kind == .object else { throw fault("", "must be an object") }
    for (member, _) in json.members where !Self.members.contains(member) {
      throw fault(".\(member)", "is a key that nobody knows")
    }
    return Webhook(
      name: try value("name", WebhookName.init), url: try value("url", WebhookURL.init),
      secret: try secret(), kinds: try kinds())
  }

  private func value<Value>(
    _ member: StaticString, _ parse: (String) throws(WebhookRule) -> Value
  ) throws(ExitFailure) -> Value {
    guard let text = try text(member) else { throw fault(".\(member)", "is required") }
    do { return try parse(text) } catch { throw fault(".\(member)", error.description) }
  }

  /// A text, or nil where there is none.
  private func text(_ member: StaticString) throws(ExitFailure) -> String? {
    guard let value = json[member], value.kind != .null else { return nil }
    guard let text = value.string else { throw fault(".\(member)", "must be a text") }
    return text
  }

  private func secret() throws(ExitFailure) -> WebhookSecret {
    switch (try text("secret"), try text("secret_file")) {
    case (_?, nil): return try value("secret", WebhookSecret.init)
    case (nil, let file?): return try secret(inFile: file)
    case (nil, nil): throw fault(".secret", "or secret_file is required")
    case (_?, _?): throw fault(".secret", "and secret_file cannot both be given")
    }
  }

  private func secret(inFile file: String) throws(ExitFailure) -> WebhookSecret {
    let lines = try lines(ofFile: file)
    let secret = lines.first.map { String(decoding: $0, as: UTF8.self) } ?? ""
    do throws(WebhookRule) {
      guard lines.count <= 1 else { throw WebhookSecret.rule }
      return try WebhookSecret(String(secret.filter { !$0.isWhitespace }))
    } catch {
      throw fault(".secret_file", "names a file whose only line \(error)")
    }
  }

  /// At most two of them, which is one too many.
  private func lines(ofFile file: String) throws(ExitFailure) -> [[UInt8]] {
    do throws(ExitFailure) {
      let reader = try LineReader(file)
      var lines: [[UInt8]] = []
      while lines.count < 2, let line = try reader.next() { lines.append(line) }
      return lines
    } catch {
      throw ExitFailure(
        error.code, "webhooks[\(index)].secret_file in \(path) cannot be read: \(error.message)")
    }
  }

  private func kinds() throws(ExitFailure) -> Set<EventKind> {
    guard let types = json["types"], types.kind != .null else { return [.thresholdCrossed] }
    let kinds = types.elements.compactMap { $0.string.flatMap(EventKind.init(name:)) }
    guard types.kind == .array, !kinds.isEmpty, kinds.count == types.count else {
      let names = EventKind.allCases.map(\.name).joined(separator: ", ")
      throw fault(".types", "must be a list of at least one of \(names)")
    }
    return Set(kinds)
  }

  func fault(_ member: String, _ rule: String) -> ExitFailure {
    ExitFailure(.badData, "webhooks[\(index)]\(member) in \(path) \(rule)")
  }
}
