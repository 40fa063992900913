import ChatCompletions
import Testing

@Suite struct `a chat request` {
  @Test func `is a model and its messages`() {
    let request = ChatRequest(
      model: "m-small",
      messages: [
        .init(role: .system, content: "Be \"brief\"."), .init(role: .user, content: "Hé\n"),
        .init(role: .assistant, content: ""),
      ])
    #expect(
      String(decoding: request.body(), as: UTF8.self)
        == #"{"model":"m-small","messages":[{"role":"system","content":"Be \"brief\"."},"#
        + #"{"role":"user","content":"Hé\n"},{"role":"assistant","content":""}]}"#)
  }

  @Test func `that streams asks for its usage too`() {
    let request = ChatRequest(
      model: "m", messages: [], isStreaming: true, maxOutputTokens: 4_096)
    #expect(
      String(decoding: request.body(), as: UTF8.self)
        == #"{"model":"m","messages":[],"max_tokens":4096,"stream":true,"#
        + #""stream_options":{"include_usage":true}}"#)
  }
}
