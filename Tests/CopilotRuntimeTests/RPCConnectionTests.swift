import CopilotRuntime
import Foundation
import Testing

@Suite struct `An RPC connection` {
  @Test func `answers every request with its own id, in any order`() throws {
    let runtime = try TestRuntime()
    let client = try TestClient(port: runtime.port)
    try client.say(request("1", "keep"))
    #expect(try client.exchange(request("2", "echo", "[1]")) == result("2", "[1]"))
    #expect(runtime.wait { $0.kept.count == 1 })
    runtime.onLoop { $0.answerKept() }
    #expect(try client.body() == result("1", #""late""#))
  }

  @Test func `answers requests that come together`() throws {
    let runtime = try TestRuntime()
    let client = try TestClient(port: runtime.port)
    var input: [UInt8] = []
    for id in 0..<1000 { FrameWriter.append(Array(request("\(id)", "echo").utf8), to: &input) }
    try client.send(input)
    for id in 0..<1000 { #expect(try client.body() == result("\(id)", "null")) }
  }

  @Test func `takes no long frame of somebody who has not shown who it is`() throws {
    let runtime = try TestRuntime()
    runtime.onLoop { $0.admitsAtOnce = false }
    let text = "\"" + String(repeating: "a", count: 70_000) + "\""
    let stranger = try TestClient(port: runtime.port)
    #expect(try stranger.exchange(request("1", "echo")) == result("1", "null"))
    try stranger.send("Content-Length: 70000\r\n\r\n")
    #expect(try stranger.isEnded())
    let client = try TestClient(port: runtime.port)
    #expect(try client.exchange(request("1", "echo")) == result("1", "null"))
    runtime.onLoop { $0.connections.last?.admit() }
    #expect(try client.exchange(request("2", "echo", "[\(text)]")) == result("2", "[\(text)]"))
  }

  @Test func `reads long frames apart, and the others behind them`() throws {
    let runtime = try TestRuntime()
    let held = HeldReading()
    runtime.onLoop { $0.readApart = { held.hold($0, $1) } }
    let client = try TestClient(port: runtime.port)
    let text = "[\"" + String(repeating: "a", count: 100_000) + "\"]"
    try client.say(request("1", "echo", text))
    try client.say(request("2", "echo"))
    #expect(runtime.wait { _ in held.count == 1 })
    runtime.onLoop { _ in held.finish() }
    #expect(try client.body() == result("1", text))
    #expect(try client.body() == result("2", "null"))
    try client.say(request("3", "echo", text))
    client.finishSending()
    #expect(runtime.wait { _ in held.count == 1 })
    #expect(runtime.onLoop { $0.events.isEmpty })
    runtime.onLoop { _ in held.finish() }
    #expect(try client.body() == result("3", text))
    #expect(try client.isEnded())
  }

  @Test func `goes on after what is no message`() throws {
    let runtime = try TestRuntime()
    let client = try TestClient(port: runtime.port)
    #expect(try client.exchange("{").contains(#""id":null,"error":{"code":-32700"#))
    #expect(try client.exchange("[]").contains(#""id":null,"error":{"code":-32600"#))
    #expect(try client.exchange(request("5", "what")).contains("Unhandled method what"))
    try client.say(#"{"jsonrpc":"2.0","id":99,"result":{}}"#)
    #expect(try client.exchange(request("6", "echo")) == result("6", "null"))
  }

  @Test func `ends on broken framing, after the answers to what came before`() throws {
    let runtime = try TestRuntime()
    let client = try TestClient(port: runtime.port)
    var input: [UInt8] = []
    FrameWriter.append(Array(request("1", "echo").utf8), to: &input)
    try client.send(input + Array("\n\n".utf8))
    #expect(try client.body() == result("1", "null"))
    #expect(try client.isEnded())
    #expect(
      runtime.wait { $0.events == ["closed: badFraming(a frame has no Content-Length)"] })
  }

  @Test func `answers what is under way when the client ends its side`() throws {
    let runtime = try TestRuntime()
    let client = try TestClient(port: runtime.port)
    try client.say(request("1", "keep"))
    try client.say(request("2", "keep"))
    client.finishSending()
    #expect(runtime.wait { $0.events == ["input ended"] })
    runtime.onLoop { $0.answerKept() }
    #expect(try client.body() == result("1", #""late""#))
    #expect(try client.body() == result("2", #""late""#))
    #expect(try client.isEnded())
    #expect(runtime.wait { $0.events.last == "closed: clientLeft" && $0.connections.isEmpty })
  }

  @Test func `hands answers of the client to whoever asked`() throws {
    let runtime = try TestRuntime()
    let client = try TestClient(port: runtime.port)
    try client.say(request("1", "ask", "[]"))
    #expect(try client.body() == #"{"jsonrpc":"2.0","id":1,"method":"question","params":[]}"#)
    try client.say(#"{"jsonrpc":"2.0","id":1,"result":42}"#)
    #expect(try client.body() == result("1", "true"))
    // The second answer fits nothing any more.
    try client.say(#"{"jsonrpc":"2.0","id":1,"result":43}"#)
    #expect(try client.exchange(request("2", "echo")) == result("2", "null"))
    #expect(runtime.onLoop { $0.events } == ["answered result 42"])
  }

  @Test func `tells whoever asked that no answer can come`() throws {
    let runtime = try TestRuntime()
    let client = try TestClient(port: runtime.port)
    try client.say(request("1", "ask", "[]"))
    try client.say(request("2", "ask", "[]"))
    _ = try (client.body(), client.body())
    client.finishSending()
    #expect(try client.body() == result("1", "true"))
    #expect(try client.body() == result("2", "true"))
    #expect(runtime.wait { $0.connections.isEmpty })
    #expect(runtime.onLoop { $0.events.filter { $0 == "answered lost" } }.count == 2)
  }

  @Test func `stops waiting for a cancelled request, and for that one only`() throws {
    let runtime = try TestRuntime()
    let client = try TestClient(port: runtime.port)
    try client.say(request(#""a""#, "keep"))
    try client.say(request(#""b""#, "keep"))
    try client.say(#"{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":"a"}}"#)
    let cancelled = #"{"code":-32800,"message":"Request cancelled"}"#
    #expect(try client.body() == #"{"jsonrpc":"2.0","id":"a","error":\#(cancelled)}"#)
    runtime.onLoop { $0.answerKept() }
    #expect(try client.body() == result(#""b""#, #""late""#))
    #expect(try client.exchange(request("3", "echo")) == result("3", "null"))
    #expect(runtime.onLoop { $0.events } == [#"cancelled "a""#])
  }

  @Test func `refuses more open requests than allowed, and answers all of them`() throws {
    var limits = RPCLimits()
    limits.maximumOpenRequests = 2
    let runtime = try TestRuntime(limits: limits)
    let client = try TestClient(port: runtime.port)
    for id in 1...3 { try client.say(request("\(id)", "keep")) }
    #expect(try client.body().hasPrefix(#"{"jsonrpc":"2.0","id":3,"error":{"code":-32603"#))
    runtime.onLoop { $0.answerKept() }
    #expect(try client.body() == result("1", #""late""#))
    #expect(try client.body() == result("2", #""late""#))
  }

  @Test func `takes large bodies and gives them back`() throws {
    let runtime = try TestRuntime()
    let client = try TestClient(port: runtime.port)
    let text = #"["\#(String(repeating: "x", count: 5_000_000))"]"#
    #expect(try client.exchange(request("1", "echo", text)) == result("1", text))
  }

  @Test func `ends when the client leaves without a word`() throws {
    let runtime = try TestRuntime()
    do {
      let client = try TestClient(port: runtime.port)
      _ = try client.exchange(request("1", "echo"))
    }
    #expect(runtime.wait { $0.connections.isEmpty })
    #expect(
      runtime.onLoop { $0.events } == ["closed: clientLeft"]
        || runtime.onLoop { $0.events } == ["input ended", "closed: clientLeft"])
  }

  @Test func `finishes after what is under way`() throws {
    let runtime = try TestRuntime()
    let client = try TestClient(port: runtime.port)
    try client.say(request("1", "keep"))
    #expect(runtime.wait { $0.kept.count == 1 })
    runtime.onLoop { $0.connections[0].finish() }
    runtime.onLoop { $0.answerKept() }
    #expect(try client.body() == result("1", #""late""#))
    #expect(try client.isEnded())
  }
}

@Suite struct `A client that does not read` {
  private let event = Array(#"{"text":"\#(String(repeating: "x", count: 10_000))"}"#.utf8)

  @Test func `is closed at the bound, and disturbs nobody`() throws {
    var limits = RPCLimits()
    limits.maximumOutputBytes = 1 << 20
    let runtime = try TestRuntime(limits: limits)
    let slow = try TestClient(port: runtime.port, receiveBuffer: 8192)
    #expect(try slow.exchange(request("1", "echo")) == result("1", "null"))
    let quick = try TestClient(port: runtime.port)
    #expect(try quick.exchange(request("1", "echo")) == result("1", "null"))
    var most = 0
    for _ in 0..<2000 {
      let event = event
      most = max(
        most,
        runtime.onLoop { runtime in
          for connection in runtime.connections { connection.notify("session.event", event) }
          return runtime.connections.first?.pendingOutput ?? 0
        })
      _ = try quick.body()
    }
    #expect(most <= (1 << 20) + 10_100)
    #expect(runtime.onLoop { $0.events } == ["closed: clientTooSlow"])
    #expect(try slow.countToEnd() < 16 << 20)
    #expect(try quick.exchange(request("2", "echo")) == result("2", "null"))
  }

  @Test func `is not closed for what a turn has gathered, if it reads`() throws {
    var limits = RPCLimits()
    limits.maximumOutputBytes = 100_000
    let runtime = try TestRuntime(limits: limits)
    let client = try TestClient(port: runtime.port)
    #expect(try client.exchange(request("1", "echo")) == result("1", "null"))
    let event = event
    runtime.onLoop { runtime in
      for _ in 0..<50 { runtime.connections[0].notify("session.event", event) }
    }
    for _ in 0..<50 { _ = try client.body() }
  }

  @Test func `is not read from either`() throws {
    var limits = RPCLimits()
    limits.heldBackOutputBytes = 100_000
    let runtime = try TestRuntime(limits: limits)
    let client = try TestClient(port: runtime.port, patienceMilliseconds: 300)
    let text = #"["\#(String(repeating: "x", count: 200_000))"]"#
    #expect(throws: TestClient.Failure.self) {
      for id in 0..<1000 { try client.say(request("\(id)", "echo", text)) }
    }
    #expect(runtime.onLoop { $0.connections[0].pendingOutput } < 500_000)
    #expect(try client.body() == result("0", text))
  }
}

@Suite(.serialized) struct `A client that writes header and body apart` {
  @Test func `gets its answers without the delay of an acknowledgement`() throws {
    let runtime = try TestRuntime()
    #expect(try slowest(of: 50, runtime) < 0.02)
  }

  private func slowest(of count: Int, _ runtime: TestRuntime) throws -> Double {
    let client = try TestClient(port: runtime.port)
    var times: [Double] = []
    for id in 0..<count {
      let body = request("\(id)", "echo")
      let start = Date()
      try client.send("Content-Length: \(body.utf8.count)\r\n\r\n")
      try client.send(body)
      #expect(try client.body() == result("\(id)", "null"))
      times.append(Date().timeIntervalSince(start))
    }
    // The median: a busy machine may delay some of them.
    return times.sorted()[count / 2]
  }
}

func request(_ id: String, _ method: String, _ params: String? = nil) -> String {
  let params = params.map { #","params":\#($0)"# } ?? ""
  return #"{"jsonrpc":"2.0","id":\#(id),"method":"\#(method)"\#(params)}"#
}

func result(_ id: String, _ json: String) -> String {
  #"{"jsonrpc":"2.0","id":\#(id),"result":\#(json)}"#
}

/// Long frames that are being read; belongs to the loop's thread.
private final class HeldReading: @unchecked Sendable {
  private var held: [(read: @Sendable () -> RPCMessage, complete: (RPCMessage) -> Void)] = []

  var count: Int { held.count }

  func hold(
    _ read: @escaping @Sendable () -> RPCMessage, _ complete: @escaping (RPCMessage) -> Void
  ) {
    held.append((read, complete))
  }

  func finish() {
    let all = held
    held = []
    for (read, complete) in all { complete(read()) }
  }
}
