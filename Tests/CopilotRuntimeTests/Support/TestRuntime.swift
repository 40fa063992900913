import CopilotRuntime
import EventLoop
import Foundation
import JSON
import Synchronization

/// A loop on a thread of its own with a listener whose connections a ``ScriptedRuntime`` serves;
/// released, it is gone.
final class TestRuntime: Sendable {
  typealias Job = @Sendable (ScriptedRuntime) -> Void

  let port: UInt16
  private let waker: Waker
  private let queue: JobQueue

  /// Listens on a free TCP port, or on a unix domain socket at `path`.
  init(path: String? = nil, acknowledgesAtOnce: Bool = true, limits: RPCLimits = RPCLimits()) throws
  {
    let queue = JobQueue()
    let started = Handover<Result<(UInt16, Waker), any Error>>()
    Thread.detachNewThread {
      Self.serve(path, acknowledgesAtOnce, limits, queue, started)
    }
    (port, waker) = try started.take().get()
    self.queue = queue
  }

  deinit {
    queue.add(nil)
    waker.wake()
  }

  /// Runs `body` on the loop's thread and waits for what it returns.
  func onLoop<Value: Sendable>(_ body: @escaping @Sendable (ScriptedRuntime) -> Value) -> Value {
    let result = Handover<Value>()
    queue.add { runtime in result.give(body(runtime)) }
    waker.wake()
    return result.take()
  }

  /// Waits until `condition` holds on the loop's thread, for five seconds at most.
  func wait(until condition: @escaping @Sendable (ScriptedRuntime) -> Bool) -> Bool {
    for _ in 0..<500 {
      if onLoop(condition) { return true }
      usleep(10_000)
    }
    return false
  }

  private static func serve(
    _ path: String?, _ acknowledgesAtOnce: Bool, _ limits: RPCLimits, _ queue: JobQueue,
    _ started: Handover<Result<(UInt16, Waker), any Error>>
  ) {
    do {
      let loop = try EventLoop()
      let runtime = ScriptedRuntime(loop, acknowledgesAtOnce, limits)
      let listener =
        if let path {
          try Listener(on: loop, unixPath: path) { [unowned runtime] in runtime.accept($0) }
        } else {
          try Listener(on: loop, host: "127.0.0.1", port: 0) { [unowned runtime] in
            runtime.accept($0)
          }
        }
      let waker = try loop.makeWaker { [unowned loop, unowned runtime] in
        for job in queue.takeAll() {
          if let job { job(runtime) } else { loop.stop() }
        }
      }
      started.give(.success((listener.port, waker)))
      loop.run()
      withExtendedLifetime(listener) {}
    } catch {
      started.give(.failure(error))
    }
  }
}

/// Answers by the method's name, and writes down what it is told.
final class ScriptedRuntime: RPCConnectionDelegate {
  private let loop: EventLoop
  private let acknowledgesAtOnce: Bool
  private let limits: RPCLimits
  private let parser = RPCMessage.makeParser()
  /// Whether clients need not show who they are.
  var admitsAtOnce = true
  var readApart: RPCConnection.ReadingApart?
  var connections: [RPCConnection] = []
  var trusted: [Bool] = []
  var events: [String] = []
  var kept: [RPCRequest] = []

  init(_ loop: EventLoop, _ acknowledgesAtOnce: Bool, _ limits: RPCLimits) {
    self.loop = loop
    self.acknowledgesAtOnce = acknowledgesAtOnce
    self.limits = limits
  }

  func accept(_ socket: consuming Socket) {
    trusted.append(socket.isPeerTrusted)
    guard
      let connection = try? RPCConnection(
        socket, on: loop, isTCP: acknowledgesAtOnce, parser: parser, limits: limits)
    else { return }
    connection.delegate = self
    if admitsAtOnce { connection.admit() }
    connection.readApart = readApart
    connections.append(connection)
  }

  func connectionMayBeTold(_ connection: RPCConnection) -> Bool { true }

  func connection(_ connection: RPCConnection, received request: RPCRequest) {
    let params = request.call.params?.sourceText ?? Array("null".utf8)
    switch request.method {
    case "echo": connection.answer(request.key, result: params)
    case "keep": kept.append(request)
    case "ask":
      connection.request("question", params) { [unowned self, unowned connection] outcome in
        events.append("answered \(describe(outcome))")
        connection.answer(request.key, result: Array("true".utf8))
      }
    default: connection.answer(request.key, .unhandledMethod(request.method))
    }
  }

  func connection(_ connection: RPCConnection, received notification: RPCCall) {
    let params = notification.params.map { String(decoding: $0.sourceText, as: UTF8.self) } ?? ""
    events.append("told \(notification.method) \(params)")
  }

  func connection(_ connection: RPCConnection, cancelled request: RPCRequest.Key) {
    events.append("cancelled \(request.id)")
  }

  func connectionInputEnded(_ connection: RPCConnection) { events.append("input ended") }

  func connection(_ connection: RPCConnection, closedBecause reason: RPCClosing) {
    events.append("closed: \(reason)")
    connections.removeAll { $0 === connection }
  }

  func answerKept() {
    for request in kept {
      for connection in connections {
        connection.answer(request.key, result: Array("\"late\"".utf8))
      }
    }
    kept = []
  }

  func describe(_ outcome: RPCOutcome) -> String {
    switch outcome {
    case .result(let value): "result \(String(decoding: value.sourceText, as: UTF8.self))"
    case .failure(let refusal): "failure \(refusal.code) \(refusal.message)"
    case .lost: "lost"
    }
  }
}

/// What a test wants done on the loop's thread; nil ends the loop.
final class JobQueue: Sendable {
  private let jobs = Mutex<[TestRuntime.Job?]>([])

  func add(_ job: TestRuntime.Job?) { jobs.withLock { $0.append(job) } }

  func takeAll() -> [TestRuntime.Job?] {
    jobs.withLock { jobs in
      defer { jobs = [] }
      return jobs
    }
  }
}

/// One value on its way from one thread to another.
final class Handover<Value: Sendable>: Sendable {
  private let value = Mutex<Value?>(nil)
  private let given = DispatchSemaphore(value: 0)

  func give(_ value: Value) {
    self.value.withLock { $0 = value }
    given.signal()
  }

  func take() -> Value {
    given.wait()
    guard let value = value.withLock({ $0 }) else { preconditionFailure("nothing was given") }
    return value
  }
}
