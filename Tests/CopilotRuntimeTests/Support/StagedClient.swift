import Foundation

/// A client of a ``RuntimeStage``: what it waits for happens meanwhile.
final class StagedClient {
  private let client: TestClient
  private unowned let stage: RuntimeStage
  private var lastID = 0
  /// All that came, in its order.
  private(set) var bodies: [String] = []

  init(_ client: TestClient, _ stage: RuntimeStage) {
    self.client = client
    self.stage = stage
  }

  /// Sends a request, and says under which id.
  func begin(_ method: String, _ params: String) throws -> Int {
    lastID += 1
    try client.say(
      #"{"jsonrpc":"2.0","id":\#(lastID),"method":"\#(method)","params":\#(params)}"#)
    return lastID
  }

  /// The answer to a request, as far as it has come.
  func answer(_ id: Int) -> String? {
    receive()
    return bodies.first {
      $0.contains(#""id":\#(id),"result""#) || $0.contains(#""id":\#(id),"error""#)
    }
  }

  /// The answer to a request, waited for.
  func outcome(of id: Int) throws -> String {
    try stage.turn { [unowned self] in answer(id) != nil }
    guard let answer = answer(id) else { throw RuntimeStage.Failure.nothingHappened }
    return answer
  }

  /// Has a request answered with a result.
  func call(_ method: String, _ params: String) throws -> String {
    let answer = try outcome(of: begin(method, params))
    guard !answer.contains(#""error":"#) else { throw RuntimeStage.Failure.refused(answer) }
    return answer
  }

  /// Says that it answers model calls, and takes those that it is asked for without ever answering.
  func answerModelCalls() throws {
    _ = try call("llmInference.setProvider", "{}")
    takesCalls = true
  }

  private var takesCalls = false

  var wasAskedForModel: Bool { request("llmInference.httpRequestStart") != nil }

  /// The id of a request of the runtime, once it has come.
  func request(_ method: String) -> String? {
    receive()
    return bodies.first { $0.contains(#""method":"\#(method)""#) }.flatMap(Self.requestID)
  }

  private static func requestID(of body: String) -> String? {
    guard let start = body.range(of: #""id":"#)?.upperBound else { return nil }
    return String(body[start...].prefix { $0.isNumber })
  }

  func leave() { client.leave() }

  /// Answers a request of the runtime.
  func respond(to id: String) throws {
    try client.say(#"{"jsonrpc":"2.0","id":\#(id),"result":{}}"#)
  }

  /// How often something was told so far.
  func count(of text: String) -> Int {
    receive()
    return bodies.count { $0.contains(text) }
  }

  var isClosed: Bool {
    receive()
    return client.hasEnded
  }

  private func receive() {
    while let body = client.bodyIfAny() {
      bodies.append(body)
      guard takesCalls, body.contains("llmInference.httpRequestStart"),
        let id = Self.requestID(of: body)
      else { continue }
      try? respond(to: id)
    }
  }
}
