import HTTPServer
import Testing

@Suite struct `a server-sent event` {
  private func written(_ write: (inout EventStreamWriter) -> Void) -> String {
    var writer = EventStreamWriter()
    write(&writer)
    return String(decoding: writer.take(), as: UTF8.self)
  }

  @Test func `has an id, a name and data`() {
    let event = written { $0.event(id: "17", name: "tokens", data: Array(#"{"a":1}"#.utf8)) }
    #expect(event == "id: 17\nevent: tokens\ndata: {\"a\":1}\n\n")
  }

  @Test(arguments: [
    ("", "data: \n\n"),
    ("one", "data: one\n\n"),
    (" one", "data:  one\n\n"),
    ("one\ntwo", "data: one\ndata: two\n\n"),
    ("one\r\ntwo\rthree", "data: one\ndata: two\ndata: three\n\n"),
    ("one\n", "data: one\ndata: \n\n"),
    ("\r\n", "data: \ndata: \n\n"),
    ("\r\r\n\n", "data: \ndata: \ndata: \ndata: \n\n"),
    ("é\u{2028}x", "data: é\u{2028}x\n\n"),
  ])
  func `has a field for each line of its data`(data: String, event: String) {
    #expect(written { $0.event(data: Array(data.utf8)) } == event)
  }

  @Test func `has an id and a name of one line each`() {
    let event = written { $0.event(id: "1\ndata: x", name: "a\r\n\nb", data: []) }
    #expect(event == "id: 1 data: x\nevent: a   b\ndata: \n\n")
  }

  @Test func `goes with comments and a time to wait`() {
    let text = written { writer in
      writer.retry(milliseconds: 2_500)
      writer.comment()
      writer.comment("still\nhere")
    }
    #expect(text == "retry: 2500\n\n: \n\n: still\n: here\n\n")
  }

  @Test func `is written once`() {
    var writer = EventStreamWriter()
    writer.comment("a")
    #expect(writer.take() == Array(": a\n\n".utf8))
    #expect(writer.take().isEmpty)
  }
}
