import ChatCompletions
import TestSupport
import Testing

@Suite struct `how the bytes are cut` {
  static let answers: [(text: String, status: Int)] = [
    (
      ": hi\r\n\r\n" + event("é漢😀", "\r\n\r\n") + event("b", "\r\r") + event("c") + stop
        + usage(#"{"prompt_tokens":3}"#) + done + event("after"), 200
    ),
    ("\u{FEFF}\n" + event("a") + "data: {\"choices\":\ndata: []}\n\n" + event("b"), 200),
    (event("a") + "data: broken\n\n" + event("b") + usage(#"{"prompt_tokens":3}"#), 200),
    (" \n" + whole(#""é\n漢😀""#, #","usage":{"prompt_tokens":1}"#) + "\r\n", 200),
    ("data: {\"choices\":\r\ndata: []}\r\n\r\n" + event("a") + done, 200),
    (whole(#""a""#) + "x", 200), (#"{"error":{"message":"é漢"}}"#, 429), ("<html>", 200), ("", 200),
  ]

  @Test(arguments: answers, [nil, "application/json", "text/event-stream"])
  func `in two means nothing`(answer: (text: String, status: Int), contentType: String?) {
    let bytes = Array(answer.text.utf8)
    let expected = Reading([bytes], status: answer.status, contentType: contentType)
    for cut in 0...bytes.count {
      let pieces = [Array(bytes[..<cut]), Array(bytes[cut...])]
      #expect(
        Reading(pieces, status: answer.status, contentType: contentType) == expected,
        "cut at \(cut)")
    }
  }

  @Test(arguments: answers, [nil, "application/json", "text/event-stream"])
  func `into single bytes means nothing`(
    answer: (text: String, status: Int), contentType: String?
  ) {
    let bytes = Array(answer.text.utf8)
    let expected = Reading([bytes], status: answer.status, contentType: contentType)
    let cut = Reading(bytes.map { [$0] }, status: answer.status, contentType: contentType)
    #expect(cut == expected)
  }

  /// Random cuts, random limits and a damaged byte here and there: the same result every time.
  @Test(arguments: 0..<300)
  func `anyhow means nothing, also to an answer that is damaged or too large`(seed: UInt64) {
    var numbers = SeededNumbers(seed: seed)
    let answer = Self.answers.randomElement(using: &numbers) ?? Self.answers[0]
    var bytes = Array(answer.text.utf8)
    for _ in 0..<Int.random(in: 0...2, using: &numbers) where !bytes.isEmpty {
      bytes[Int.random(in: 0..<bytes.count, using: &numbers)] = .random(
        in: 0...255, using: &numbers)
    }
    let limit = Int.random(in: 0...(bytes.count + 100), using: &numbers)
    let expected = Reading([bytes], status: answer.status, maximumBytes: limit)
    var pieces: [[UInt8]] = []
    var rest = bytes[...]
    while !rest.isEmpty {
      pieces.append(Array(rest.prefix(.random(in: 0...40, using: &numbers))))
      rest = rest.dropFirst(pieces.last?.count ?? 0)
    }
    let reading = Reading(pieces, status: answer.status, maximumBytes: limit)
    #expect(reading == expected, "seed \(seed)")
  }

  @Test(arguments: [999, 1_000, 1_001])
  func `counts towards the limit byte by byte`(size: Int) {
    let padding = String(repeating: " ", count: size - whole(#""a""#).utf8.count)
    let reading = Reading(whole(#""a""#) + padding, maximumBytes: 1_000)
    #expect(reading.failure?.reason == (size > 1_000 ? .tooLarge : nil))
  }

  @Test func `past the limit keeps what came before it`() {
    let start = event("a") + usage(#"{"prompt_tokens":3}"#)
    let reading = Reading(start + event("b") + done, maximumBytes: start.utf8.count + 5)
    #expect(reading.failure?.reason == .tooLarge)
    #expect(reading.answer.text == "a")
    #expect(reading.answer.usage == ChatUsage(inputTokens: 3))
  }
}
