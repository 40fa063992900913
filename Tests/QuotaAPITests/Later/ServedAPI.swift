import EventLoop
import Foundation
import Glibc
import HTTPServer
import QuotaAPI
import QuotaModel
import QuotaService

/// The routes behind a socket, with a loop that turns when the test says so: between a request and its answer
/// anything may happen.
final class ServedAPI {
  let stage: APIWithoutSocket
  private let loop: EventLoop
  private let desk: ReadingDesk
  private let server: HTTPServer
  private let readings = DispatchSemaphore(value: 0)
  private let gate: Gate
  private var descriptor: Int32 = -1

  init() throws {
    stage = try APIWithoutSocket()
    loop = try EventLoop()
    desk = ReadingDesk { [readings] in readings.signal() }
    gate = Gate(stage.api, loop)
    server = try HTTPServer(loop: loop, host: "127.0.0.1", port: 0, handler: gate)
    stage.api.server = server
    stage.api.readingDesk = desk
  }

  deinit {
    desk.stop()
    if descriptor >= 0 { close(descriptor) }
  }

  /// Sends a request, and returns when it waits for its answer.
  func begin(_ method: String, _ path: String, as role: Role, body: String = "") throws {
    let head = """
      \(method) \(path.replacing("OTHER", with: stage.other.description)) HTTP/1.1\r
      Host: test\r
      Authorization: Token \(stage.tokens[role] ?? "")\r
      Content-Type: \(body.hasPrefix("{") ? "application/x-ndjson" : "application/json")\r
      Content-Length: \(body.utf8.count)\r
      Connection: close\r
      \r

      """
    try connect()
    try send(Array((head + body).utf8))
    try loop.schedule(after: 5000) { [unowned loop] in loop.stop() }
    loop.run()
    guard gate.isAsked else { throw Failure.answeredAtOnce }
  }

  enum Failure: Error { case cannotConnect, cannotSend, answeredAtOnce }

  /// Passes on what has been read meanwhile, and returns the answer's status.
  func finishReading() throws -> Int? {
    readings.wait()
    return try finish { desk.collect() }
  }

  /// The same after something else that was waited for.
  func finish(_ body: () -> Void) throws -> Int? {
    body()
    stage.api.flush()
    try loop.schedule(after: 0) { [unowned loop] in loop.stop() }
    loop.run()
    return status()
  }

  private func connect() throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = server.port.bigEndian
    address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
    let result = unsafe withUnsafeBytes(of: &address) { bytes in
      let pointer = unsafe bytes.assumingMemoryBound(to: sockaddr.self).baseAddress
      return unsafe Glibc.connect(descriptor, pointer, socklen_t(bytes.count))
    }
    guard result == 0 else { throw Failure.cannotConnect }
  }

  private func send(_ bytes: [UInt8]) throws {
    let count = unsafe bytes.withUnsafeBytes { all in
      unsafe Glibc.send(descriptor, all.baseAddress, all.count, Int32(MSG_NOSIGNAL))
    }
    guard count == bytes.count else { throw Failure.cannotSend }
  }

  /// The status of the answer; nil while there is none.
  private func status() -> Int? {
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = unsafe recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
    guard count > 12 else { return nil }
    return Int(String(decoding: buffer[9..<12], as: UTF8.self))
  }
}

/// Stops the loop as soon as a request waits for its answer.
private final class Gate: HTTPHandler {
  private let api: QuotaAPI
  private unowned let loop: EventLoop
  private(set) var isAsked = false

  init(_ api: QuotaAPI, _ loop: EventLoop) {
    self.api = api
    self.loop = loop
  }

  func decide(onHead head: HTTPRequest) -> HeadDecision { api.decide(onHead: head) }

  func handle(_ request: HTTPRequest, _ reply: ReplyHandle) -> HTTPResponse? {
    let response = api.handle(request, reply)
    isAsked = response == nil
    loop.stop()
    return response
  }
}
