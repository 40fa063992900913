import Foundation
import Testing

@testable import EventLoop

@Suite struct `A listener` {
  /// As where neither its watch nor a timer could be had when it wanted to go on.
  @Test func `comes back, however it came to rest`() throws {
    let loop = try EventLoop()
    var taken = 0
    let listener = try Listener(on: loop, host: "127.0.0.1", port: 0) { [unowned loop] socket in
      _ = consume socket
      taken += 1
      loop.stop()
    }
    for round in 1...2 {
      listener.registration?.deactivate()
      let client = try TestClient(port: listener.port)
      try loop.schedule(after: 5000) { [unowned loop] in loop.stop() }
      loop.run()
      #expect(taken == round)
      withExtendedLifetime(client) {}
    }
  }

  @Test func `that is gone is looked at no more`() throws {
    let loop = try EventLoop()
    var listener: Listener? = try Listener(on: loop, host: "127.0.0.1", port: 0) { _ = $0 }
    weak let released = listener
    listener?.registration?.deactivate()
    listener = nil
    #expect(released == nil)
    try loop.schedule(after: 600) { [unowned loop] in loop.stop() }
    loop.run()
  }
}
