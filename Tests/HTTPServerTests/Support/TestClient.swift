import Foundation
import Glibc

/// A client that says exactly what it is told to. Nothing it does takes longer than five seconds.
final class TestClient {
  enum Failure: Error {
    case cannotConnect(Int32)
    case tookTooLong
    case connectionLost(Int32)
    case noResponse(String)
  }

  private let descriptor: Int32
  private var received: [UInt8] = []

  init(port: UInt16, receiveBuffer: Int32? = nil) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    if var receiveBuffer {
      let size = socklen_t(MemoryLayout<Int32>.size)
      _ = unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &receiveBuffer, size)
    }
    var yes: Int32 = 1
    _ = unsafe setsockopt(
      descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
    var limit = timeval(tv_sec: 5, tv_usec: 0)
    let size = socklen_t(MemoryLayout<timeval>.size)
    _ = unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, size)
    _ = unsafe setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, size)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
    let result = unsafe withUnsafeBytes(of: &address) { bytes in
      let pointer = unsafe bytes.assumingMemoryBound(to: sockaddr.self).baseAddress
      return unsafe connect(descriptor, pointer, socklen_t(bytes.count))
    }
    guard result == 0 else { throw Failure.cannotConnect(errno) }
  }

  deinit { close(descriptor) }

  /// Has the connection reset when the client is released.
  func resetOnClose() {
    var option = linger(l_onoff: 1, l_linger: 0)
    let size = socklen_t(MemoryLayout<linger>.size)
    _ = unsafe setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, size)
  }

  func send(_ text: String) throws {
    try send(Array(text.utf8))
  }

  func send(_ bytes: [UInt8]) throws {
    var sent = 0
    while sent < bytes.count {
      let count = unsafe bytes.withUnsafeBytes { all in
        let rest = unsafe UnsafeRawBufferPointer(rebasing: all[sent...])
        return unsafe Glibc.send(
          descriptor, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
      }
      if count < 0 { throw errno == EAGAIN ? Failure.tookTooLong : Failure.connectionLost(errno) }
      sent += count
    }
  }

  /// Sends without waiting, until the connection takes no more: how much it took.
  func sendAsMuchAsGoes(of bytes: [UInt8]) -> Int {
    unsafe bytes.withUnsafeBytes { all in
      let flags = Int32(MSG_NOSIGNAL | MSG_DONTWAIT)
      return unsafe Glibc.send(descriptor, all.baseAddress, all.count, flags)
    }
  }

  /// Tells the server that nothing more will come.
  func finishSending() {
    _ = shutdown(descriptor, Int32(SHUT_WR))
  }

  /// Reads one response; that to HEAD has no body, whatever it says.
  func response(toHead: Bool = false) throws -> TestResponse {
    while true {
      if let response = TestResponse(takingFrom: &received, isHead: toHead) { return response }
      guard try receive() > 0 else {
        throw Failure.noResponse(String(decoding: received, as: UTF8.self))
      }
    }
  }

  /// Reads responses until the server closes.
  func responsesToEnd() throws -> [TestResponse] {
    while try receive() > 0 {}
    var responses: [TestResponse] = []
    while let response = TestResponse(takingFrom: &received, isHead: false) {
      responses.append(response)
    }
    guard received.isEmpty else {
      throw Failure.noResponse(String(decoding: received, as: UTF8.self))
    }
    return responses
  }

  /// Takes what has been received up to and with `mark`, waiting until it is there.
  func text(through mark: String) throws -> String {
    while true {
      let text = String(decoding: received, as: UTF8.self)
      if let range = text.range(of: mark) {
        let taken = text[..<range.upperBound]
        received = Array(received.dropFirst(taken.utf8.count))
        return String(taken)
      }
      guard try receive() > 0 else { throw Failure.noResponse(text) }
    }
  }

  /// Takes what is received up to the last chunk and with it.
  func textThroughEndOfChunks() throws -> String {
    let mark = Array("\r\n0\r\n\r\n".utf8)
    while received.suffix(mark.count) != mark[...] {
      guard try receive() > 0 else { throw Failure.noResponse("no last chunk") }
    }
    defer { received = [] }
    return String(decoding: received, as: UTF8.self)
  }

  /// Takes everything that is received until the server closes.
  func textToEnd() throws -> String {
    while try receive() > 0 {}
    defer { received = [] }
    return String(decoding: received, as: UTF8.self)
  }

  /// Whether the connection ends by a reset, whatever comes before.
  func isReset() throws -> Bool {
    do {
      while try receive(mayBeReset: false) > 0 {}
    } catch Failure.connectionLost(ECONNRESET) {
      return true
    }
    return false
  }

  /// Whether the server ends the connection, without another byte.
  func isEnded() throws -> Bool {
    try received.isEmpty && receive() == 0
  }

  /// Whether the server has closed by now; takes in what it has sent so far.
  func hasEnded() throws -> Bool {
    while true {
      do {
        if try receive(Int32(MSG_DONTWAIT)) == 0 { return true }
      } catch Failure.tookTooLong {
        return false
      }
    }
  }

  /// Sends a request and reads the response.
  func exchange(_ text: String) throws -> TestResponse {
    try send(text)
    return try response()
  }

  @discardableResult
  private func receive(_ flags: Int32 = 0, mayBeReset: Bool = true) throws -> Int {
    var buffer = [UInt8](repeating: 0, count: 65_536)
    let count = unsafe recv(descriptor, &buffer, buffer.count, flags)
    if count < 0 {
      if errno == ECONNRESET, mayBeReset { return 0 }
      throw errno == EAGAIN ? Failure.tookTooLong : Failure.connectionLost(errno)
    }
    received.append(contentsOf: buffer[..<count])
    return count
  }
}
