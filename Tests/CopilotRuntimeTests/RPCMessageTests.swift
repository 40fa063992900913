import CopilotRuntime
import JSON
import Testing

@Suite struct `An RPC message` {
  @Test(arguments: [
    (#""q1""#, #""q1""#), (#""""#, #""""#), ("0", "0"), ("-7", "-7"), ("1.0", "1.0"),
    ("1e3", "1e3"),
    ("18446744073709551616000000000000000001", "18446744073709551616000000000000000001"),
    ("null", "null"), (#""a\"\n\u00f5\u0041""#, #""a\"\nõA""#), (#""1""#, #""1""#),
  ])
  func `keeps the id of a request, its type and its value`(id: String, repeated: String) throws {
    let message = read(#"{"jsonrpc":"2.0","id":\#(id),"method":"ping"}"#)
    guard case .request(let found, let call) = message else { throw Unexpected(message) }
    #expect(call.method == "ping")
    let answer = String(decoding: RPCBody.result(found, Array("{}".utf8)), as: UTF8.self)
    #expect(answer == #"{"jsonrpc":"2.0","id":\#(repeated),"result":{}}"#)
  }

  @Test func `knows equal ids by their value and type`() throws {
    let parser = JSONParser()
    func id(_ text: String) throws -> RPCID? { RPCID(try parser.parse(Array(text.utf8))) }
    #expect(try id(#""A""#) == id(#""\u0041""#))
    #expect(try id(#""1""#) != id("1"))
    // The same text for a reader, other characters for a machine.
    #expect(try id(#""\u00e9""#) != id(#""e\u0301""#))
  }

  @Test(
    arguments: [
      ("", nil), (#","params":null"#, nil), (#","params":{"a":1}"#, #"{"a":1}"#),
      (#","params":[1, 2]"#, "[1, 2]"), (#","params":{}"#, "{}"),
    ] as [(String, String?)])
  func `has the params of a call`(member: String, expected: String?) throws {
    let message = read(#"{"jsonrpc":"2.0","method":"m"\#(member)}"#)
    guard case .notification(let call) = message else { throw Unexpected(message) }
    #expect(call.params.map { String(decoding: $0.sourceText, as: UTF8.self) } == expected)
  }

  @Test(arguments: [
    (#"\ud83d"#, #"\ufffd"#), (#"a\uD83D b"#, #"a\ufffd b"#), (#"\ude00"#, #"\ufffd"#),
    (#"\ud83d\ude00"#, #"\ud83d\ude00"#), (#"\ud83d\ud83d\ude00"#, #"\ufffd\ud83d\ude00"#),
    (#"\\ud83d \ude00"#, #"\\ud83d \ufffd"#), (#"\ud83d\n\u00f5"#, #"\ufffd\n\u00f5"#),
  ])
  func `is read with half a character in it`(text: String, repaired: String) throws {
    let message = read(#"{"jsonrpc":"2.0","id":"a","method":"m","params":["\#(text)"]}"#)
    guard case .request(_, let call) = message else { throw Unexpected(message) }
    #expect(
      call.params.map { String(decoding: $0.sourceText, as: UTF8.self) } == #"["\#(repaired)"]"#)
  }

  @Test func `may nest deeply`() throws {
    let deep = String(repeating: "[", count: 300) + String(repeating: "]", count: 300)
    let message = read(#"{"jsonrpc":"2.0","id":"a","method":"m","params":\#(deep)}"#)
    guard case .request = message else { throw Unexpected(message) }
  }

  @Test(arguments: [
    (#"{"a":"\ud83d""#, -32700, "null"), (#"{"a":"\"#, -32700, "null"),
    (#"{"a":"\u"}"#, -32700, "null"), (#"{"a":"\ud8"#, -32700, "null"),
    ("", -32700, "null"), ("{", -32700, "null"), ("nonsense", -32700, "null"),
    ("{\"jsonrpc\":\"2.0\"} x", -32700, "null"), ("{\"a\":\"\u{1}\"}", -32700, "null"),
    ("[]", -32600, "null"), (#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, -32600, "null"),
    ("1", -32600, "null"), ("null", -32600, "null"), ("{}", -32600, "null"),
    (#"{"jsonrpc":"2.0"}"#, -32600, "null"), (#"{"jsonrpc":"2.0","id":1}"#, -32600, "1"),
    (#"{"jsonrpc":"2.0","id":1,"method":7}"#, -32600, "1"),
    (#"{"jsonrpc":"2.0","method":null}"#, -32600, "null"),
    (#"{"jsonrpc":"2.0","id":{},"method":"m"}"#, -32600, "null"),
    (#"{"jsonrpc":"2.0","id":[1],"method":"m"}"#, -32600, "null"),
    (#"{"jsonrpc":"2.0","id":true,"method":"m"}"#, -32600, "null"),
    (#"{"jsonrpc":"2.0","id":"a","method":"m","params":"x"}"#, -32600, #""a""#),
    (#"{"jsonrpc":"2.0","id":"a","method":"m","params":3}"#, -32600, #""a""#),
    (#"{"jsonrpc":"1.0","id":"a","method":"m"}"#, -32600, #""a""#),
    (#"{"jsonrpc":2.0,"id":"a","method":"m"}"#, -32600, #""a""#),
    (#"{"id":"a","method":"m"}"#, -32600, #""a""#),
    (#"{"jsonrpc":"2.0","id":"a","method":"m","params":{"n":NaN}}"#, -32700, #""a""#),
    (#"{"method":"m","params":{"id":7,"n":-Infinity},"id":"a","jsonrpc":"2.0"}"#, -32700, #""a""#),
    (#"{"params":{"n":1e400},"id": 17 ,"method":"m"}"#, -32700, "17"),
    (#"{"id":"a\"}","method":"m","params":["]{\\",nope]}"#, -32700, #""a\"}""#),
    (#"{"id":"a","method":"m","id":"b","params":nope}"#, -32700, "null"),
    (#"{"params":{"id":"a"},"method":"m","n":nope}"#, -32700, "null"),
    (#"{"method":"m","n":nope,"id":"#, -32700, "null"),
  ])
  func `says what is wrong with what is no message`(body: String, code: Int64, id: String) throws {
    let message = read(body)
    guard case .invalid(let found, let error) = message else { throw Unexpected(message) }
    let answer = String(decoding: RPCBody.error(found, error), as: UTF8.self)
    #expect(answer.hasPrefix(#"{"jsonrpc":"2.0","id":\#(id),"error":{"code":\#(code),"message":""#))
  }

  /// Parameters that JSON does not have, or that are too much.
  static let unreadable = [
    "Infinity", "NaN", "1e400", "1" + String(repeating: "0", count: 400), "\"\u{1}\"",
    #""\q""#, "01", "'a'",
    String(repeating: "[", count: 5000) + String(repeating: "]", count: 5000),
    String(repeating: #"{"id":7,"a":"#, count: 600) + "1" + String(repeating: "}", count: 600),
    #"{"id":8,"method":"}]\"","x":Infinity}"#,
    "[" + String(repeating: "1,", count: 600_000) + "1]",
  ]

  @Test(arguments: unreadable, ["5", "-1.50", #""a\"b""#, #""ü""#])
  func `recovers the id of a request that cannot be read`(value: String, id: String) throws {
    for body in [
      #"{"jsonrpc":"2.0","id":\#(id),"method":"m","params":{"id":3,"x":\#(value)}}"#,
      #" { "params" : [ \#(value) ] ,"method":"m", "id" : \#(id) , "jsonrpc":"2.0" } "#,
    ] {
      let message = read(body)
      guard case .invalid(let found, let error) = message else { throw Unexpected(message) }
      #expect(found?.description == id)
      #expect(error.code == -32700)
    }
  }

  @Test(arguments: [
    #"{"id":1,"id":2,"method":"m","x":NaN}"#, #"{"id":NaN,"method":"m"}"#,
    #"{"id":[1],"method":"m","x":NaN}"#, #"{"x":{"id":1},"method":"m","y":NaN}"#,
    #"{"method":"m","x":NaN"#, #"[{"id":1,"method":"m"},NaN]"#,
    #"{"id":"a","result":NaN}"#,
  ])
  func `takes no id that may be another's`(body: String) throws {
    let message = read(body)
    guard case .invalid(nil, _) = message else { throw Unexpected(message) }
  }

  @Test func `takes an answer that cannot be read for a failure`() throws {
    let message = read(#"{"jsonrpc":"2.0","id":4,"result":{"x":Infinity}}"#)
    guard case .response(let number?, .failure(let refusal)) = message else {
      throw Unexpected(message)
    }
    #expect(number.rawValue == 4 && refusal.code == -32700)
  }

  @Test(
    arguments: [
      (#"{"jsonrpc":"2.0","id":4,"result":null}"#, 4, "result null"),
      (#"{"jsonrpc":"2.0","id":4,"result":{"a":1}}"#, 4, #"result {"a":1}"#),
      (
        #"{"jsonrpc":"2.0","id":4,"error":{"code":-32000,"message":"no","data":null}}"#, 4,
        "failure -32000 no"
      ),
      (
        #"{"jsonrpc":"2.0","id":4,"result":null,"error":{"code":1,"message":"no"}}"#, 4,
        "failure 1 no"
      ),
      (#"{"jsonrpc":"2.0","id":4,"result":5,"error":null}"#, 4, "result 5"),
      (#"{"jsonrpc":"2.0","id":4,"error":"broken"}"#, 4, "failure -32603 no message"),
      (#"{"jsonrpc":"2.0","id":"4","result":1}"#, nil, "result 1"),
      (#"{"jsonrpc":"2.0","id":0,"result":1}"#, nil, "result 1"),
      (#"{"jsonrpc":"2.0","id":4.0,"result":1}"#, nil, "result 1"),
      (
        #"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"what"}}"#, nil,
        "failure -32700 what"
      ),
    ] as [(String, Int64?, String)])
  func `reads answers to requests of ours`(body: String, number: Int64?, outcome: String) throws {
    let message = read(body)
    guard case .response(let found, let value) = message else { throw Unexpected(message) }
    #expect(found?.rawValue == number)
    switch value {
    case .result(let json):
      #expect("result " + String(decoding: json.sourceText, as: UTF8.self) == outcome)
    case .failure(let refusal): #expect("failure \(refusal.code) \(refusal.message)" == outcome)
    case .lost: throw Unexpected(message)
    }
  }

  @Test(arguments: [
    (RPCError.connectRequired, #"{"code":-32001,"message":"CONNECT_REQUIRED"}"#),
    (.authenticationFailed, #"{"code":-32002,"message":"AUTHENTICATION_FAILED"}"#),
    (.serverShuttingDown, #"{"code":-32000,"message":"SERVER_SHUTTING_DOWN"}"#),
    (.unhandledMethod("a.b"), #"{"code":-32601,"message":"Unhandled method a.b"}"#),
    (.cancelled, #"{"code":-32800,"message":"Request cancelled"}"#),
    (
      .failed(method: "a.b", text: "no \"luck\""),
      #"{"code":-32603,"message":"Request a.b failed with message: no \"luck\""}"#
    ),
    (
      .failed(method: "session.sendAndWait", text: "no", completionEventID: "e1"),
      #"{"code":-32603,"message":"Request session.sendAndWait failed with message: no","data":{"completionEventId":"e1"}}"#
    ),
    (
      .sessionNotFound("s1", method: "session.resume"),
      #"{"code":-32603,"message":"Request session.resume failed with message: Session not found: s1"}"#
    ),
    (
      .sessionNotFound("s1", method: "session.send"),
      #"{"code":-32603,"message":"Request session.send failed with message: Session not found for sessionId: s1"}"#
    ),
    (
      .invalidSessionID("?"),
      #"{"code":-32603,"message":"Request session.create failed with message: Rejected session.create request with invalid sessionId: ?"}"#
    ),
  ])
  func `has the errors that clients look for`(error: RPCError, json: String) {
    let body = String(decoding: RPCBody.error(nil, error), as: UTF8.self)
    #expect(body == #"{"jsonrpc":"2.0","id":null,"error":\#(json)}"#)
  }

  @Test func `tells and asks by method`() {
    let params = Array(#"{"a":1}"#.utf8)
    let body = String(decoding: RPCBody.notification("session.event", params), as: UTF8.self)
    #expect(body == #"{"jsonrpc":"2.0","method":"session.event","params":{"a":1}}"#)
  }

  private func read(_ body: String) -> RPCMessage {
    RPCMessage(Array(body.utf8), parser: RPCMessage.makeParser())
  }

  struct Unexpected: Error {
    let message: RPCMessage
    init(_ message: RPCMessage) { self.message = message }
  }
}
