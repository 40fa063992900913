import Foundation
import HTTPClient
import Testing

@Suite(.timeLimit(.minutes(1))) struct `a failing request` {
  /// A name that no resolver asks anybody about: its first label is longer than labels may be.
  static let unresolvable = "http://\(String(repeating: "a", count: 64)).invalid/"

  @Test func `says that nobody listens`() throws {
    let (descriptor, port) = try listenOnLoopback(false)
    defer { close(descriptor) }
    let answer = try ClientOnLoop().answer(
      OutgoingRequest(method: "GET", url: "http://127.0.0.1:\(port)/"))
    #expect(answer.failure == .cannotConnect)
    #expect(answer.eventCount == 1)
  }

  @Test func `says that the name is unknown`() throws {
    let answer = try ClientOnLoop().answer(OutgoingRequest(method: "GET", url: Self.unresolvable))
    #expect(answer.failure == .unresolvableName)
    #expect(answer.eventCount == 1)
  }

  @Test func `says that a connection never came about`() throws {
    // What does not fit into the queue of a listener that accepts nothing is not answered at all.
    let full = try FullListener()
    var limits = HTTPClientLimits()
    limits.connectMilliseconds = 300
    let answer = try ClientOnLoop(limits).answer(
      OutgoingRequest(method: "GET", url: "http://127.0.0.1:\(full.port)/"))
    #expect(answer.failure == .timedOut(.connect))
  }

  @Test(arguments: [
    "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n",
    "HTTP/1.1 200 OK\r\nContent-Le",
    "",
  ])
  func `says that the answer broke off`(answer: String) throws {
    let server = try LoopbackServer { connection in
      _ = connection.request()
      connection.send(answer)
    }
    let answer = try ClientOnLoop().answer(OutgoingRequest(method: "GET", url: server.url()))
    #expect(answer.failure == .brokenOff)
    #expect(answer.endings == 1)
    #expect(answer.status == nil || answer.text == "short")
  }

  @Test(arguments: ["SSH-2.0-OpenSSH_9.2\r\n", "{\"not\": \"HTTP\"}\n\n"])
  func `says that the answer is not HTTP`(greeting: String) throws {
    let server = try LoopbackServer { connection in
      _ = connection.request()
      connection.send(greeting)
    }
    let answer = try ClientOnLoop().answer(OutgoingRequest(method: "GET", url: server.url()))
    #expect(answer.failure == .malformedAnswer)
  }

  @Test func `says that the server does not speak TLS`() throws {
    let server = try LoopbackServer { connection in connection.answer() }
    let answer = try ClientOnLoop().answer(
      OutgoingRequest(method: "GET", url: "https://127.0.0.1:\(server.port)/"))
    #expect(answer.failure == .noSecureConnection)
  }

  @Test func `never says what was asked`() throws {
    let secret = "hush"
    let request = OutgoingRequest(
      method: "GET", url: "http://user:\(secret)@\(Self.unresolvable.dropFirst(7))?key=\(secret)",
      headers: [("authorization", "Bearer \(secret)")])
    let failure = try #require(try ClientOnLoop().answer(request).failure)
    #expect(failure.description == "The server's name could not be resolved.")
    #expect(!String(reflecting: failure).contains(secret))
  }
}

/// A listener whose queue is full, so that a further connection gets no answer.
final class FullListener {
  let port: UInt16
  private var descriptors: [Int32] = []

  init() throws {
    let (descriptor, port) = try listenOnLoopback()
    self.port = port
    descriptors = [descriptor]
    _ = listen(descriptor, 0)
    for _ in 0..<4 { descriptors.append(Self.knock(at: port)) }
  }

  deinit { for descriptor in descriptors { close(descriptor) } }

  private static func knock(at port: UInt16) -> Int32 {
    let type = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
    let descriptor = socket(AF_INET, type, 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
    address.sin_port = port.bigEndian
    _ = unsafe withUnsafeBytes(of: &address) { bytes in
      let pointer = unsafe bytes.assumingMemoryBound(to: sockaddr.self).baseAddress
      return unsafe connect(descriptor, pointer, socklen_t(bytes.count))
    }
    return descriptor
  }
}
