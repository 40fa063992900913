import ChatCompletions
import Testing

@Suite struct `a streamed answer` {
  @Test func `is its texts, its usage and how it ended`() {
    let reading = Reading(
      event("Hel") + event("lo, ") + event("w\\u00f6rld") + stop
        + usage(#"{"prompt_tokens":12,"completion_tokens":3}"#) + done)
    var expected = ChatAnswer()
    expected.text = "Hello, wörld"
    expected.usage = ChatUsage(inputTokens: 12, outputTokens: 3)
    expected.finishReason = "stop"
    expected.id = "c1"
    expected.model = "m-1"
    #expect(reading.result == .success(expected))
    #expect(reading.deltas == "Hello, wörld")
  }

  @Test func `yields its texts as they come`() {
    let reader = ChatAnswerReader(status: 200, contentType: "text/event-stream; charset=utf-8")
    #expect(reader.read(Array(event("a").utf8)) == "a")
    #expect(reader.read(Array(": still there\n\n".utf8)) == "")
    #expect(reader.read(Array((event("b") + event("c")).utf8)) == "bc")
    #expect(reader.read(Array("data: {\"choices\":[{\"delta\":{\"content\":\"d\"}}".utf8)) == "")
    #expect(reader.read(Array("]}\n\n".utf8)) == "d")
  }

  /// Ways to write the text `ab`.
  @Test(arguments: [
    event("a", "\r\n\r\n") + event("b", "\r\n\r\n") + done,
    event("a", "\r\r") + event("b", "\r\r") + "data: [DONE]\r\r",
    event("a") + event("b") + "data: [DONE]\n",
    event("a") + event("b") + "data: [DONE]",
    event("a") + event("b") + "data:[DONE]\n\n",
    event("a") + event("b") + stop,
    event("a") + event("b") + stop.replacing("\n\n", with: ""),
    "\u{FEFF}" + event("a") + event("b") + done,
    "\n\r\n" + event("a") + "\n\n\n" + event("b") + done,
    ": hello\n" + event("a") + ":\n\n" + event("b") + done,
    "event: message\nid: 7\nretry: 10\n" + event("a") + event("b") + done,
    "data: {\"choices\":\ndata: [{\"delta\":\ndata:  {\"content\":\"ab\"}}]}\n\n" + done,
    event("a") + event("b") + done + event("c"),
    event("a") + #"data: {"choices":[{"index":1,"delta":{"content":"x"}}]}"# + "\n\n" + event("b")
      + done,
    event("a") + #"data: {"choices":[{"delta":{"content":null}}]}"# + "\n\n" + event("b") + done,
    event("a") + #"data: {"choices":[{"delta":{"role":"assistant"}}]}"# + "\n\n" + event("b")
      + done,
    event("a") + #"data: {"choices":[{"delta":null}],"error":null}"# + "\n\n" + event("b") + done,
    event("a") + #"data: {"choices":null,"later":{"x":[1]}}"# + "\n\n" + event("b") + done,
    event("a") + #"data: {"object":"ping"}"# + "\n\n" + event("b") + done,
    "database: 1\ndata\n\n".replacing("data\n\n", with: "") + event("a") + event("b") + done,
  ])
  func `may be written in many ways`(text: String) {
    let reading = Reading(text)
    #expect(reading.failure == nil)
    #expect(reading.answer.text == "ab")
  }

  @Test(arguments: [nil, "application/json", "text/plain", "", "Text/Event-Stream;charset=UTF-8"])
  func `is known as one whatever it is called`(contentType: String?) {
    let reading = Reading(event("a") + done, contentType: contentType)
    #expect(reading.failure == nil)
    #expect(reading.answer.text == "a")
  }

  @Test(arguments: [
    "", "\n\n", ": hello\n\n", "data: {\"choi", event("a"), event("a") + "data: [DON",
    event("a") + event("b").dropLast(9),
  ])
  func `that ends before its end is cut short`(text: String) {
    let reading = Reading(text)
    #expect(reading.failure?.reason == .cutShort)
    #expect(reading.answer.text == (text.contains("content\":\"a\"") ? "a" : ""))
  }

  @Test func `that is cut short keeps the usage that came`() {
    let early = #"data: {"choices":[{"delta":{"content":"a"}}],"usage":{"prompt_tokens":7}}"#
    let reading = Reading(early + "\n\n")
    #expect(reading.failure?.reason == .cutShort)
    #expect(reading.failure?.partial.usage == ChatUsage(inputTokens: 7))
    #expect(reading.failure?.partial.text == "a")
  }

  @Test(arguments: [
    "data: nonsense\n\n", "data: {\"x\":tru\ndata: e}\n\n", "data: {}}\n\n", "data: []\n\n",
    "data: 1\n\n", "data: \n\n",
    #"data: {"choices":{}}"# + "\n\n", #"data: {"choices":[1]}"# + "\n\n",
    #"data: {"choices":[{"delta":"x"}]}"# + "\n\n",
    #"data: {"choices":[{"delta":{"content":5}}]}"# + "\n\n",
    #"data: {"choices":[{"delta":{"content":["x"]}}]}"# + "\n\n",
    #"data: {"choices":[{"delta":{"content":"\ud800"}}]}"# + "\n\n",
  ])
  func `with an event that is none is malformed, and its usage still counts`(bad: String) {
    let reading = Reading(event("a") + bad + event("b") + usage(#"{"prompt_tokens":5}"#) + done)
    #expect(reading.failure?.reason == .malformed)
    #expect(reading.deltas == "a")
    #expect(reading.answer.text == "a")
    #expect(reading.answer.usage == ChatUsage(inputTokens: 5))
  }

  @Test func `with invalid UTF-8 is malformed`() {
    let reading = Reading([Array("data: {\"a\":\"".utf8), [0xC3, 0x28], Array("\"}\n\n".utf8)])
    #expect(reading.failure?.reason == .malformed)
  }

  @Test func `of nothing but its end is malformed`() {
    #expect(Reading(done).failure?.reason == .malformed)
    #expect(Reading(usage("{}") + done).failure?.reason == .malformed)
  }

  @Test func `may turn into an error`() {
    let reading = Reading(
      event("a") + "event: error\ndata: {\"error\":{\"message\":\"overloaded\",\"code\":1}}\n\n")
    #expect(reading.failure?.reason == .refused)
    #expect(reading.failure?.status == 200)
    #expect(reading.failure?.message == "overloaded")
    #expect(reading.answer.text == "a")
  }
}
