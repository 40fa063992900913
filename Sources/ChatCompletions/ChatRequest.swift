internal import JSON

/// A request for one chat completion, as OpenAI's API spells it.
public struct ChatRequest: Hashable, Sendable {
  public enum Role: String, Hashable, Sendable {
    case system, user, assistant
  }

  /// One message of the conversation.
  public struct Message: Hashable, Sendable {
    public var role: Role
    public var content: String

    public init(role: Role, content: String) {
      self.role = role
      self.content = content
    }
  }

  public var model: String
  public var messages: [Message]
  /// Whether the answer should come as it is made, with its usage at the end.
  public var isStreaming: Bool
  /// Sent as `max_tokens`, which servers of every age understand.
  public var maxOutputTokens: Int64?

  public init(
    model: String, messages: [Message], isStreaming: Bool = false, maxOutputTokens: Int64? = nil
  ) {
    self.model = model
    self.messages = messages
    self.isStreaming = isStreaming
    self.maxOutputTokens = maxOutputTokens
  }

  /// The request's body, JSON.
  public func body() -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("model", model)
    writeMessages(to: &writer)
    if let maxOutputTokens {
      writer.member("max_tokens", maxOutputTokens)
    }
    if isStreaming { writeStreaming(to: &writer) }
    writer.endObject()
    return writer.take()
  }

  private func writeMessages(to writer: inout JSONWriter) {
    writer.name("messages")
    writer.beginArray()
    for message in messages {
      writer.beginObject()
      writer.member("role", message.role.rawValue)
      writer.member("content", message.content)
      writer.endObject()
    }
    writer.endArray()
  }

  /// Without the option a streamed answer has no usage.
  private func writeStreaming(to writer: inout JSONWriter) {
    writer.member("stream", true)
    writer.name("stream_options")
    writer.beginObject()
    writer.member("include_usage", true)
    writer.endObject()
  }
}
