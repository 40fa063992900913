internal import JSON

/// What is kept beside the log with the beginning of a session.
public struct SessionText: Sendable {
  public var workingDirectory: String?
  public var systemMessage: String?

  public init(workingDirectory: String?, systemMessage: String?) {
    self.workingDirectory = workingDirectory
    self.systemMessage = systemMessage
  }

  /// Reads what `bytes` wrote; nothing where it was erased.
  public init(_ bytes: [UInt8]?) {
    guard let bytes, let json = try? JSONParser().parse(bytes) else { return }
    workingDirectory = json["cwd"]?.string
    systemMessage = json["system"]?.string
  }

  public var bytes: [UInt8] {
    if workingDirectory == nil && systemMessage == nil { return [] }
    var json = JSONWriter()
    json.beginObject()
    if let workingDirectory { json.member("cwd", workingDirectory) }
    if let systemMessage { json.member("system", systemMessage) }
    json.endObject()
    return json.take()
  }
}

/// What is kept beside the log with a user message.
public struct MessageText: Sendable {
  public var content: String
  /// A JSON array.
  public var attachments: [UInt8]

  public init(content: String, attachments: [UInt8]) {
    self.content = content
    self.attachments = attachments
  }

  /// Reads what `bytes` wrote; an erased message has no content.
  public init(_ bytes: [UInt8]?) {
    let json = bytes.flatMap { try? JSONParser().parse($0) }
    content = json?["content"]?.string ?? ""
    attachments = json?["attachments"]?.sourceText ?? Array("[]".utf8)
  }

  public var bytes: [UInt8] {
    var json = JSONWriter()
    json.beginObject()
    json.member("content", content)
    json.name("attachments")
    json.raw(attachments)
    json.endObject()
    return json.take()
  }
}
