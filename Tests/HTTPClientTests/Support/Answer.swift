import EventLoop
import HTTPClient
import Testing

/// What has come of a request so far.
final class Answer {
  var status: Int?
  var headers: [(name: String, value: String)] = []
  var parts: [[UInt8]] = []
  var partMoments: [ContinuousClock.Instant] = []
  var failure: HTTPClientFailure?
  var endings = 0
  var eventCount = 0

  var body: [UInt8] { Array(parts.joined()) }
  var text: String { String(decoding: body, as: UTF8.self) }
  var hasEnded: Bool { endings > 0 }

  func note(_ event: ResponseEvent) {
    eventCount += 1
    switch event {
    case .head(let status, let headers):
      #expect(self.status == nil && parts.isEmpty && endings == 0, "a head comes first and once")
      self.status = status
      self.headers = headers
    case .body(let part):
      #expect(status != nil && !part.isEmpty && endings == 0)
      parts.append(part)
      partMoments.append(.now)
    case .end: endings += 1
    case .failed(let failure):
      self.failure = failure
      endings += 1
    }
  }

  subscript(name: String) -> [String] {
    headers.filter { $0.name == name }.map(\.value)
  }
}

/// A loop with a client on it, which the test lets run until something holds.
final class ClientOnLoop {
  let loop: EventLoop
  var client: HTTPClient?

  init(
    _ limits: HTTPClientLimits = HTTPClientLimits(), authoritiesFile: String? = nil
  ) throws {
    loop = try EventLoop()
    client = try HTTPClient(on: loop, limits: limits, authoritiesFile: authoritiesFile)
  }

  /// Sends and keeps what comes; `onEvent` hears it too, afterwards.
  @discardableResult
  func send(
    _ request: OutgoingRequest, _ onEvent: @escaping (ResponseEvent) -> Void = { _ in }
  ) throws -> (answer: Answer, exchange: Exchange) {
    let answer = Answer()
    let exchange = try #require(client).send(request) {
      answer.note($0)
      onEvent($0)
    }
    return (answer, exchange)
  }

  /// Runs until `condition` holds, and says so if it does not within ten seconds.
  func run(until condition: @escaping () -> Bool, _ at: SourceLocation = #_sourceLocation) throws {
    var turnsLeft = 5_000
    let poll = try loop.schedule(every: 2) { [unowned loop] in
      turnsLeft -= 1
      if condition() || turnsLeft == 0 { loop.stop() }
    }
    loop.run()
    poll.cancel()
    #expect(condition(), "in ten seconds", sourceLocation: at)
  }

  /// Runs for a while, so that what must not come has time to.
  func run(milliseconds: Int) throws {
    try loop.schedule(after: milliseconds) { [unowned loop] in loop.stop() }
    loop.run()
  }

  /// The whole of what becomes of a request.
  func answer(_ request: OutgoingRequest, _ at: SourceLocation = #_sourceLocation) throws -> Answer
  {
    let (answer, _) = try send(request)
    try run(until: { answer.hasEnded }, at)
    return answer
  }
}
