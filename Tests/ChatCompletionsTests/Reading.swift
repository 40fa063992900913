import ChatCompletions

/// What a reader made of an answer.
struct Reading: Equatable {
  /// The texts that came before the end, together.
  var deltas = ""
  let result: Result<ChatAnswer, ChatFailure>

  /// Reads an answer in these pieces.
  init(
    _ pieces: [[UInt8]], status: Int = 200, contentType: String? = "text/event-stream",
    maximumBytes: Int = 1_000_000
  ) {
    let reader = ChatAnswerReader(
      status: status, contentType: contentType, maximumBytes: maximumBytes)
    for piece in pieces { deltas += reader.read(piece) }
    result = reader.finish()
  }

  init(
    _ text: String, status: Int = 200, contentType: String? = "text/event-stream",
    maximumBytes: Int = 1_000_000
  ) {
    self.init(
      [Array(text.utf8)], status: status, contentType: contentType, maximumBytes: maximumBytes)
  }

  /// The answer, whole or not.
  var answer: ChatAnswer {
    switch result {
    case .success(let answer): answer
    case .failure(let failure): failure.partial
    }
  }

  var failure: ChatFailure? {
    switch result {
    case .success: nil
    case .failure(let failure): failure
    }
  }
}

/// A streamed event with this text.
func event(_ text: String, _ ending: String = "\n\n") -> String {
  #"data: {"id":"c1","model":"m-1","choices":[{"index":0,"delta":{"content":"\#(text)"}}]}"#
    + ending
}

/// The streamed event that ends the text.
let stop = #"data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"# + "\n\n"

/// A streamed event with nothing but usage.
func usage(_ json: String) -> String { "data: {\"choices\":[],\"usage\":\(json)}\n\n" }

let done = "data: [DONE]\n\n"

/// An answer in one piece.
func whole(_ content: String, _ rest: String = "") -> String {
  #"{"id":"c2","model":"m-2","choices":[{"index":0,"message":{"role":"assistant","#
    + #""content":\#(content)},"finish_reason":"length"}]\#(rest)}"#
}
