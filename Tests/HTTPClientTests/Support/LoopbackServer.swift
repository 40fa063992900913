import Foundation
import Synchronization

/// A server on a loopback port that does to each connection what the test says, on a thread of its own.
final class LoopbackServer: Sendable {
  let port: UInt16
  private let descriptor: Int32
  private let accepted = Atomic(0)

  /// How many connections have come.
  var connectionCount: Int { accepted.load(ordering: .acquiring) }

  init(_ serve: @escaping @Sendable (ServerConnection) -> Void) throws {
    let (descriptor, port) = try listenOnLoopback()
    self.descriptor = descriptor
    self.port = port
    Thread.detachNewThread { [weak self] in
      // Closed by the one who uses it: its number may soon be that of another test's listener.
      defer { close(descriptor) }
      while true {
        let connection = accept(descriptor, nil, nil)
        guard connection >= 0 else { return }
        _ = fcntl(connection, F_SETFD, FD_CLOEXEC)
        self?.accepted.add(1, ordering: .releasing)
        Thread.detachNewThread { serve(ServerConnection(connection)) }
      }
    }
  }

  deinit { _ = shutdown(descriptor, Int32(SHUT_RDWR)) }

  func url(_ path: String = "/") -> String { "http://127.0.0.1:\(port)\(path)" }
}

/// The server's end of a connection; closed when it is let go of. Nothing waits longer than 5 seconds.
final class ServerConnection {
  private let descriptor: Int32
  private var received: [UInt8] = []

  init(_ descriptor: Int32) {
    self.descriptor = descriptor
    var limit = timeval(tv_sec: 5, tv_usec: 0)
    let size = socklen_t(MemoryLayout<timeval>.size)
    _ = unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, size)
    _ = unsafe setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, size)
  }

  deinit { close(descriptor) }

  /// The next request, head and body; nil when the client has closed.
  func request() -> String? {
    while true {
      if let end = endOfRequest {
        defer { received.removeFirst(end) }
        return String(decoding: received[..<end], as: UTF8.self)
      }
      guard receive() else { return nil }
    }
  }

  @discardableResult
  func send(_ text: String) -> Bool { send(Array(text.utf8)) }

  /// Whether the client still takes it.
  @discardableResult
  func send(_ bytes: [UInt8]) -> Bool {
    var sent = 0
    while sent < bytes.count {
      let count = unsafe bytes.withUnsafeBytes { all in
        let rest = unsafe UnsafeRawBufferPointer(rebasing: all[sent...])
        return unsafe Foundation.send(
          descriptor, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { return false }
      sent += count
    }
    return true
  }

  /// A whole answer with its length.
  func answer(_ status: String = "200 OK", _ body: String = "") {
    send("HTTP/1.1 \(status)\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
  }

  /// Reads so many bytes, or what there is within a moment, and forgets them.
  func drop(_ count: Int) {
    var limit = timeval(tv_sec: 0, tv_usec: 50_000)
    let size = socklen_t(MemoryLayout<timeval>.size)
    _ = unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, size)
    var buffer = [UInt8](repeating: 0, count: 65_536)
    var left = count
    while left > 0 {
      let taken = unsafe recv(descriptor, &buffer, min(buffer.count, left), 0)
      guard taken > 0 else { return }
      left -= taken
    }
  }

  /// Waits until the client closes, whatever it sends.
  func waitForEnd() { while receive() {} }

  private var endOfRequest: Int? {
    guard let head = received.firstRange(of: Array("\r\n\r\n".utf8)) else { return nil }
    let fields = String(decoding: received[..<head.lowerBound], as: UTF8.self).lowercased()
    let length = fields.split(separator: "\r\n").first { $0.hasPrefix("content-length:") }
    let count = length.flatMap { Int($0.dropFirst(15).trimmingCharacters(in: .whitespaces)) } ?? 0
    return received.count >= head.upperBound + count ? head.upperBound + count : nil
  }

  private func receive() -> Bool {
    var buffer = [UInt8](repeating: 0, count: 65_536)
    let count = unsafe recv(descriptor, &buffer, buffer.count, 0)
    guard count > 0 else { return false }
    received.append(contentsOf: buffer[..<count])
    return true
  }
}

enum LoopbackFailure: Error { case noSocket(Int32) }

/// A socket on a free port of its own, which listens if it should.
func listenOnLoopback(
  _ listens: Bool = true
) throws -> (descriptor: Int32, port: UInt16) {
  let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
  var address = sockaddr_in()
  address.sin_family = sa_family_t(AF_INET)
  address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
  var length = socklen_t(MemoryLayout<sockaddr_in>.size)
  let result = unsafe withUnsafeMutableBytes(of: &address) { bytes in
    let pointer = unsafe bytes.assumingMemoryBound(to: sockaddr.self).baseAddress
    guard let pointer = unsafe pointer, unsafe bind(descriptor, pointer, length) == 0 else {
      return errno
    }
    guard !listens || listen(descriptor, 256) == 0 else { return errno }
    return unsafe getsockname(descriptor, pointer, &length)
  }
  guard result == 0 else { throw LoopbackFailure.noSocket(result) }
  return (descriptor, UInt16(bigEndian: address.sin_port))
}
