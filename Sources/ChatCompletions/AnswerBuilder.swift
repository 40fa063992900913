internal import JSON

/// Puts an answer together from its parts: one object in all, or one for each streamed event.
struct AnswerBuilder {
  private(set) var answer = ChatAnswer()
  /// Whether the answer said that it is complete.
  private(set) var isFinished = false
  /// The first thing that was wrong, with words for it. Text that comes later is not taken any more,
  /// usage is: the tokens are spent either way.
  private(set) var fault: (reason: ChatFailure.Reason, message: String)?
  /// Whether there was a choice to take text from.
  private var hasChoice = false

  /// Takes a streamed event's object and yields its text.
  mutating func add(event json: JSONValue) -> String {
    add(json, messageName: "delta")
  }

  /// Takes an answer that came in one piece, which is therefore complete.
  mutating func add(whole json: JSONValue) {
    _ = add(json, messageName: "message")
    end()
  }

  /// The answer says that there is no more of it.
  mutating func end() {
    isFinished = true
    if !hasChoice { note(.malformed, "The answer has no choice.") }
  }

  mutating func note(_ reason: ChatFailure.Reason, _ message: String) {
    if fault == nil { fault = (reason, message.brief()) }
  }

  private mutating func add(_ json: JSONValue, messageName: String) -> String {
    guard json.kind == .object else {
      note(.malformed, "The answer is not a JSON object.")
      return ""
    }
    if let usage = json["usage"], usage.kind != .null { answer.usage = ChatUsage(usage) }
    if let error = json["error"], error.kind != .null {
      note(.refused, Self.message(of: error) ?? "The server reported an error.")
    }
    guard fault == nil else { return "" }
    answer.id = answer.id ?? json["id"]?.string?.brief()
    answer.model = answer.model ?? json["model"]?.string?.brief()
    return addChoice(of: json, messageName: messageName)
  }

  private mutating func addChoice(of json: JSONValue, messageName: String) -> String {
    guard let choices = json["choices"], choices.kind != .null else { return "" }
    guard choices.kind == .array, choices.elements.allSatisfy({ $0.kind == .object }) else {
      note(.malformed, "The answer's choices are not a list of objects.")
      return ""
    }
    // One choice was asked for; should there be others, they are told apart by their index.
    guard let choice = choices.elements.first(where: { ($0["index"]?.int64 ?? 0) == 0 }) else {
      return ""
    }
    hasChoice = true
    if let reason = choice["finish_reason"]?.string {
      answer.finishReason = reason.brief()
      isFinished = true
    }
    return addText(of: choice[messageName], isOptional: messageName == "delta")
  }

  private mutating func addText(of message: JSONValue?, isOptional: Bool) -> String {
    guard let message, message.kind == .object else {
      let isMissing = message.map { $0.kind == .null } ?? true
      if !isOptional || !isMissing { note(.malformed, "A choice of the answer has no message.") }
      return ""
    }
    guard let content = message["content"], content.kind != .null else { return "" }
    guard let text = content.string else {
      note(.malformed, "The answer's content is not text.")
      return ""
    }
    answer.text += text
    return text
  }

  /// OpenAI's errors are objects, those of some servers just text.
  static func message(of error: JSONValue) -> String? {
    let message = (error["message"]?.string ?? error.string)?.brief() ?? ""
    return message.isEmpty ? nil : message
  }
}
