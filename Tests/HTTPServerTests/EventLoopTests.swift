import EventLoop
import Foundation
import Synchronization
import Testing

@Suite struct `an event loop` {
  @Test func `runs timers once, or until they are cancelled`() throws {
    let loop = try EventLoop()
    var events: [String] = []
    var ticks: LoopTimer?
    ticks = try loop.schedule(every: 10) {
      events.append("tick")
      if events.count == 3 { ticks?.cancel() }
    }
    let never = try loop.schedule(after: 20) { events.append("never") }
    never.cancel()
    try loop.schedule(after: 150) {
      events.append("end")
      loop.stop()
    }
    loop.run()
    ticks = nil
    #expect(events == ["tick", "tick", "tick", "end"])
  }

  @Test func `takes many wake-ups for one and loses none`() throws {
    let loop = try EventLoop()
    let done = Atomic(0)
    let seen = Mutex(0)
    var wakeUps = 0
    let waker = try loop.makeWaker { [unowned loop] in
      wakeUps += 1
      seen.withLock { $0 = done.load(ordering: .acquiring) }
      if seen.withLock({ $0 }) == 40_000 { loop.stop() }
    }
    for _ in 0..<4 {
      Thread.detachNewThread {
        for _ in 0..<10_000 {
          done.add(1, ordering: .releasing)
          waker.wake()
        }
      }
    }
    try loop.schedule(after: 5_000) { [unowned loop] in loop.stop() }
    loop.run()
    #expect(seen.withLock { $0 } == 40_000)
    #expect(wakeUps <= 40_000)
  }

  @Test func `tells the end of each turn`() throws {
    let loop = try EventLoop()
    var events: [String] = []
    loop.onTurnEnd = { events.append("end") }
    try loop.schedule(after: 5) { events.append("a") }
    try loop.schedule(after: 30) {
      events.append("b")
      loop.stop()
    }
    loop.run()
    #expect(events == ["end", "a", "end", "b", "end"])
  }

  @Test func `hears signals`() throws {
    let loop = try EventLoop()
    var count = 0
    try loop.onSignal(SIGUSR1) { [unowned loop] in
      count += 1
      loop.stop()
    }
    try loop.schedule(after: 5) { kill(getpid(), SIGUSR1) }
    loop.run()
    #expect(count == 1)
  }

  @Test func `does not run when it was stopped before`() throws {
    let loop = try EventLoop()
    loop.stop()
    loop.run()
  }

  @Test func `says what a descriptor is ready for until the watch is released`() throws {
    let loop = try EventLoop()
    var ends: [Int32] = [0, 0]
    try #require(unsafe socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
    let (near, far) = (ends[0], ends[1])
    defer { for end in ends { close(end) } }
    var seen: [DescriptorWatch.Readiness] = []
    var watch: DescriptorWatch?
    watch = try DescriptorWatch(near, for: [.readable, .writable], on: loop) { readiness in
      seen.append(readiness)
      if seen.count == 1 { unsafe write(far, "x", 1) }
      if readiness.contains(.readable) { watch = nil }
    }
    try loop.schedule(after: 100) { [unowned loop] in loop.stop() }
    loop.run()
    #expect(seen == [.writable, [.readable, .writable]])
    #expect(watch == nil)
  }
}
