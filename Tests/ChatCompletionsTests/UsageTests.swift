import ChatCompletions
import Testing

@Suite struct `the usage of an answer` {
  @Test(
    arguments: [
      ("null", nil), ("{}", nil), (#"{"total_tokens":5}"#, nil),
      (#"{"prompt_tokens":0,"completion_tokens":0}"#, ChatUsage(inputTokens: 0, outputTokens: 0)),
      (#"{"prompt_tokens":5}"#, ChatUsage(inputTokens: 5)),
      (#"{"prompt_tokens":null,"completion_tokens":5}"#, ChatUsage(outputTokens: 5)),
      (
        #"{"prompt_tokens":100,"completion_tokens":20,"total_tokens":120,"#
          + #""prompt_tokens_details":{"cached_tokens":80,"cache_write_tokens":10,"audio_tokens":1},"#
          + #""completion_tokens_details":{"reasoning_tokens":15}}"#,
        ChatUsage(
          inputTokens: 100, outputTokens: 20, cacheReadTokens: 80, cacheWriteTokens: 10,
          reasoningTokens: 15)
      ),
      (
        #"{"prompt_tokens":5,"prompt_tokens_details":null,"completion_tokens_details":{}}"#,
        ChatUsage(inputTokens: 5)
      ),
      (#"{"prompt_tokens":9223372036854775807}"#, ChatUsage(inputTokens: .max)),
      (#"{"prompt_tokens":9223372036854775808,"completion_tokens":1}"#, nil),
      (#"{"prompt_tokens":-1,"completion_tokens":1}"#, nil),
      (#"{"prompt_tokens":1.5,"completion_tokens":1}"#, nil),
      (#"{"prompt_tokens":1e3,"completion_tokens":1}"#, nil),
      (#"{"prompt_tokens":"5","completion_tokens":1}"#, nil),
      (#"{"prompt_tokens":true,"completion_tokens":1}"#, nil),
      (#"{"prompt_tokens":1,"completion_tokens":-1}"#, nil),
      (#"{"prompt_tokens":1,"prompt_tokens_details":{"cached_tokens":-1}}"#, nil),
      (#"{"prompt_tokens":1,"prompt_tokens_details":{"cache_write_tokens":0.5}}"#, nil),
      (#"{"prompt_tokens":1,"completion_tokens_details":{"reasoning_tokens":[]}}"#, nil),
      (#"{"prompt_tokens":1,"prompt_tokens_details":3}"#, nil),
      ("[1]", nil), ("5", nil), ("\"much\"", nil),
    ] as [(String, ChatUsage?)])
  func `is what it says, or unknown`(json: String, expected: ChatUsage?) {
    let streamed = Reading(event("a") + stop + usage(json) + done)
    #expect(streamed.failure == nil)
    #expect(streamed.answer.usage == expected)
    let inOnePiece = Reading(whole(#""a""#, ",\"usage\":\(json)"), contentType: "application/json")
    #expect(inOnePiece.failure == nil)
    #expect(inOnePiece.answer.usage == expected)
  }

  @Test func `is the last one that was streamed`() {
    let counts = [1, 2, 3].map { usage("{\"prompt_tokens\":\($0)}") }.joined()
    let reading = Reading(event("a") + counts + usage("null") + done)
    #expect(reading.answer.usage == ChatUsage(inputTokens: 3))
    let unknown = Reading(event("a") + counts + usage(#"{"prompt_tokens":-4}"#) + done)
    #expect(unknown.answer.usage == nil)
  }
}
