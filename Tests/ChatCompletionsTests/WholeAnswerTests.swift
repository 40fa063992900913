import ChatCompletions
import Testing

@Suite struct `an answer in one piece` {
  @Test func `is its text, its usage and how it ended`() {
    let reading = Reading(
      whole(#""h\u00e9""#, #","usage":{"prompt_tokens":1,"completion_tokens":2}"#),
      contentType: "application/json")
    var expected = ChatAnswer()
    expected.text = "hé"
    expected.usage = ChatUsage(inputTokens: 1, outputTokens: 2)
    expected.finishReason = "length"
    expected.id = "c2"
    expected.model = "m-2"
    #expect(reading.result == .success(expected))
    #expect(reading.deltas == "")
  }

  @Test(arguments: [nil, "text/event-stream", "text/plain", "application/json; charset=utf-8"])
  func `is known as one whatever it is called`(contentType: String?) {
    let reading = Reading("\u{FEFF} \r\n" + whole(#""a""#) + "\n", contentType: contentType)
    #expect(reading.failure == nil)
    #expect(reading.answer.text == "a")
  }

  @Test func `may have no text`() {
    let reading = Reading(whole("null"), contentType: "application/json")
    #expect(reading.failure == nil)
    #expect(reading.answer.text == "")
  }

  @Test(arguments: [
    "<html>denied</html>", "null", "\"text\"", "7", "[]", "{}", #"{"choices":null}"#,
    #"{"choices":[]}"#, #"{"choices":{}}"#, #"{"choices":[null]}"#, #"{"choices":[{}]}"#,
    #"{"choices":[{"message":null}]}"#, #"{"choices":[{"message":"a"}]}"#,
    #"{"choices":[{"message":{"content":1}}]}"#, whole(#""a""#) + "}", "{'a':1}",
    #"{"choices":[{"delta":{"content":"a"}}]}"#,
  ])
  func `of another shape is malformed`(text: String) {
    let failure = Reading(text, contentType: "application/json").failure
    #expect(failure?.reason == .malformed)
    #expect(
      failure?.message.hasPrefix("The answer") == true
        || failure?.message.hasPrefix("A choice") == true)
  }

  @Test func `that ends before its end is cut short`() {
    let text = whole(#""ab""#)
    for count in 0..<text.utf8.count {
      let failure = Reading(String(text.prefix(count)), contentType: "application/json").failure
      #expect(failure?.reason == .cutShort, "after \(count) bytes")
    }
  }

  @Test(arguments: [
    (#"{"error":{"message":"quota"}}"#, "quota"), (#"{"error":"quota"}"#, "quota"),
    (#"{"error":{"code":5}}"#, "The server reported an error."),
  ])
  func `may be an error whatever its status`(text: String, message: String) {
    let failure = Reading(text, contentType: "application/json").failure
    #expect(failure?.reason == .refused)
    #expect(failure?.status == 200)
    #expect(failure?.message == message)
  }
}

@Suite struct `an answer with an error status` {
  @Test(
    arguments: [
      (#"{"error":{"message":"no such model"}}"#, "no such model"),
      (#"{"error":{"message":"a\u0000b\r\nc\u0085d\u007f"}}"#, "abcd"),
      (#"{"error":"plain"}"#, "plain"),
      (#"{"error":{"message":7}}"#, nil), (#"{"error":{"message":""}}"#, nil),
      (#"{"error":null}"#, nil),
      (#"["error"]"#, nil), ("<html>Bad gateway</html>", nil), ("", nil), ("{\"error\":", nil),
      (event("text") + done, nil),
    ] as [(String, String?)], [400, 401, 429, 500, 301])
  func `is refused in the server's words if it has any`(
    body: (text: String, message: String?), status: Int
  ) {
    let reading = Reading(body.text, status: status, contentType: "application/json")
    #expect(reading.failure?.reason == .refused)
    #expect(reading.failure?.status == status)
    #expect(
      reading.failure?.message == body.message ?? "The server answered with status \(status).")
    #expect(reading.answer == ChatAnswer())
  }

  @Test(arguments: ["x", "é", "漢", "😀"])
  func `has a message of at most 300 bytes in whole characters`(character: String) throws {
    let long = String(repeating: character, count: 1_000)
    let reading = Reading(#"{"error":{"message":"\#(long)"}}"#, status: 500)
    let message = try #require(reading.failure?.message)
    #expect(message.utf8.count == 300)
    #expect(long.hasPrefix(message))
  }

  @Test func `is refused even if it is too long`() {
    let long = String(repeating: "x", count: 2_000)
    let reading = Reading(long, status: 503, maximumBytes: 1_000)
    #expect(reading.failure?.reason == .refused)
    #expect(reading.failure?.status == 503)
  }
}
