import HTTPServer
import Testing

@Suite struct `accepted types` {
  static let offers = ["application/json", "text/event-stream"]

  @Test(
    arguments: [
      (nil, "application/json"),
      ("*/*", "application/json"),
      ("text/event-stream", "text/event-stream"),
      ("TEXT/Event-Stream; charset=utf-8", "text/event-stream"),
      ("text/*", "text/event-stream"),
      ("application/json, text/event-stream", "application/json"),
      ("application/json;q=0.9, text/event-stream", "text/event-stream"),
      ("application/json;q=0.901,text/event-stream;q=0.9", "application/json"),
      ("text/event-stream;q=0.5, */*;q=0.1", "text/event-stream"),
      ("text/event-stream;q=0, */*", "application/json"),
      ("text/*, text/event-stream;q=0, application/json;Q=0.001", "application/json"),
      ("text/event-stream ; level=1 ; q=1.000 , application/json\t;\tq=0.5", "text/event-stream"),
      ("application/json;q=1.001, text/event-stream;q=0.1", "text/event-stream"),
      ("application/json;q=0.1234, text/event-stream;q=0.1", "text/event-stream"),
      ("application/json;q=, text/event-stream;q=0.1", "text/event-stream"),
      ("application/json;q=-1, text/event-stream;q=0.1", "text/event-stream"),
      (",, ,json,/,application/,text/event-stream", "text/event-stream"),
    ] as [(String?, String)])
  func `decide between offers`(header: String?, offer: String) {
    #expect(AcceptedTypes(header).best(of: Self.offers) == offer)
  }

  @Test(arguments: ["", "text/html", "*/*;q=0", "application/json;q=0.000", "json", ";q=1"])
  func `may be none of them`(header: String) {
    #expect(AcceptedTypes(header).best(of: Self.offers) == nil)
  }

  @Test func `have a weight in thousandths`() {
    let accepted = AcceptedTypes("text/a;q=0.25, text/*;q=0.5, */*;q=0.125")
    #expect(accepted.weight(of: "text", "a") == 250)
    #expect(accepted.weight(of: "text", "b") == 500)
    #expect(accepted.weight(of: "image", "b") == 125)
  }
}
