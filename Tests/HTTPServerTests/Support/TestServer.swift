import EventLoop
import Foundation
import HTTPServer
import Synchronization

/// A server with a ``ScriptedHandler``, on a port and a thread of its own; released, it is gone.
final class TestServer: Sendable {
  typealias Job = @Sendable (HTTPServer, ScriptedHandler) -> Void

  let port: UInt16
  private let waker: Waker
  private let jobs: JobQueue

  /// The clock is what the loop's time is shared by.
  init(
    clock: TestClock = TestClock(now: TurnClock.monotonic),
    _ adjust: (inout HTTPServerLimits) -> Void = { _ in }
  ) throws {
    var limits = HTTPServerLimits()
    adjust(&limits)
    let jobs = JobQueue()
    let started = Handover<Result<(UInt16, Waker), any Error>>()
    let thread = Thread { [limits] in Self.serve(limits, clock, jobs, started) }
    thread.stackSize = 1 << 20
    thread.start()
    (port, waker) = try started.take().get()
    self.jobs = jobs
  }

  deinit {
    jobs.add(nil)
    waker.wake()
  }

  /// Runs `body` on the server's thread and waits for what it returns.
  func onLoop<Value: Sendable>(
    _ body: @escaping @Sendable (HTTPServer, ScriptedHandler) -> Value
  ) -> Value {
    let result = Handover<Value>()
    jobs.add { server, handler in result.give(body(server, handler)) }
    waker.wake()
    return result.take()
  }

  /// Waits until `condition` holds on the server's thread, for five seconds at most.
  func wait(until condition: @escaping @Sendable (HTTPServer, ScriptedHandler) -> Bool) -> Bool {
    for _ in 0..<500 {
      if onLoop(condition) { return true }
      usleep(10_000)
    }
    return false
  }

  private static func serve(
    _ limits: HTTPServerLimits, _ clock: TestClock, _ jobs: JobQueue,
    _ started: Handover<Result<(UInt16, Waker), any Error>>
  ) {
    do {
      let loop = try EventLoop(clock: TurnClock(clock.now))
      let handler = ScriptedHandler()
      let server = try HTTPServer(
        loop: loop, host: "127.0.0.1", port: 0, limits: limits, handler: handler)
      handler.server = server
      // The loop keeps this closure, which therefore must not keep the loop, nor the server that does.
      let waker = try loop.makeWaker { [unowned loop, unowned server] in
        for job in jobs.takeAll() {
          if let job { job(server, handler) } else { loop.stop() }
        }
      }
      started.give(.success((server.port, waker)))
      loop.run()
      withExtendedLifetime(server) {}
    } catch {
      started.give(.failure(error))
    }
  }
}

/// What tells a loop the time.
struct TestClock: Sendable {
  let now: @Sendable () -> UInt64
}

/// What a test wants done on the server's thread; nil ends the server.
final class JobQueue: Sendable {
  private let jobs = Mutex<[TestServer.Job?]>([])

  func add(_ job: TestServer.Job?) {
    jobs.withLock { $0.append(job) }
  }

  func takeAll() -> [TestServer.Job?] {
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

  /// Nil when nothing is given in time.
  func take(withinSeconds seconds: Double) -> Value? {
    _ = given.wait(timeout: .now() + seconds)
    return value.withLock { $0 }
  }
}
