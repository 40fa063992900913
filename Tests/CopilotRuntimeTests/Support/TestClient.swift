import Glibc
import JSON

/// A client that says exactly what it is told to, over TCP with Nagle's delay as the SDKs have it, or
/// over a unix domain socket. It waits five seconds for anything, unless told otherwise.
final class TestClient {
  enum Failure: Error {
    case cannotConnect(Int32)
    case tookTooLong
    case lost(Int32)
    case ended
    case badHead(String)
  }

  private let descriptor: Int32
  private var received: [UInt8] = []
  /// Whether ``bodyIfAny()`` has come to the end.
  private(set) var hasEnded = false

  init(port: UInt16, receiveBuffer: Int32? = nil, patienceMilliseconds: Int = 5000) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    if let receiveBuffer { set(SO_RCVBUF, receiveBuffer) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
    try connect(to: address, patienceMilliseconds)
  }

  /// Takes over a connected socket.
  init(descriptor: Int32) throws {
    self.descriptor = descriptor
    limit(5000)
  }

  init(path: String) throws {
    descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: path.utf8) }
    try connect(to: address, 5000)
  }

  deinit { close(descriptor) }

  private func connect<Address>(to address: Address, _ patienceMilliseconds: Int) throws {
    limit(patienceMilliseconds)
    let result = unsafe withUnsafeBytes(of: address) { bytes in
      let pointer = unsafe bytes.assumingMemoryBound(to: sockaddr.self).baseAddress
      return unsafe Glibc.connect(descriptor, pointer, socklen_t(bytes.count))
    }
    guard result == 0 else { throw Failure.cannotConnect(errno) }
  }

  private func limit(_ patienceMilliseconds: Int) {
    var limit = timeval(
      tv_sec: patienceMilliseconds / 1000, tv_usec: patienceMilliseconds % 1000 * 1000)
    let size = socklen_t(MemoryLayout<timeval>.size)
    _ = unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, size)
    _ = unsafe setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, size)
  }

  private func set(_ option: Int32, _ value: Int32) {
    var value = value
    let size = socklen_t(MemoryLayout<Int32>.size)
    _ = unsafe setsockopt(descriptor, SOL_SOCKET, option, &value, size)
  }

  func send(_ text: String) throws { try send(Array(text.utf8)) }

  func send(_ bytes: [UInt8]) throws {
    var sent = 0
    while sent < bytes.count {
      let count = unsafe bytes.withUnsafeBytes { all in
        let rest = unsafe UnsafeRawBufferPointer(rebasing: all[sent...])
        return unsafe Glibc.send(descriptor, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
      }
      if count < 0 { throw errno == EAGAIN ? Failure.tookTooLong : Failure.lost(errno) }
      sent += count
    }
  }

  /// Sends a body in a frame, header and body in one call.
  func say(_ body: String) throws {
    try send("Content-Length: \(body.utf8.count)\r\n\r\n" + body)
  }

  func finishSending() { _ = shutdown(descriptor, Int32(SHUT_WR)) }

  /// The next frame's body; the frame must be spelt exactly as the contract says.
  func body() throws -> String {
    let head = try take(upTo: Array("\r\n\r\n".utf8))
    let prefix = "Content-Length: "
    guard head.hasPrefix(prefix), let count = Int(head.dropFirst(prefix.count)) else {
      throw Failure.badHead(head)
    }
    while received.count < count { try receive() }
    defer { received.removeFirst(count) }
    return String(decoding: received[..<count], as: UTF8.self)
  }

  /// Closes both sides.
  func leave() { _ = shutdown(descriptor, Int32(SHUT_RDWR)) }

  /// The next frame's body as far as it has come; nil where it has not as a whole.
  func bodyIfAny() -> String? {
    while receiveIfAny() {}
    let end = Array("\r\n\r\n".utf8)
    guard let start = received.firstRange(of: end)?.upperBound,
      let count = Int(String(decoding: received[16..<(start - 4)], as: UTF8.self)),
      received.count >= start + count
    else { return nil }
    defer { received.removeFirst(start + count) }
    return String(decoding: received[start..<(start + count)], as: UTF8.self)
  }

  private func receiveIfAny() -> Bool {
    var buffer = [UInt8](repeating: 0, count: 65_536)
    let count = unsafe recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
    if count > 0 { received += buffer[..<count] } else { hasEnded = count == 0 || errno != EAGAIN }
    return count > 0
  }

  func exchange(_ body: String) throws -> String {
    try say(body)
    return try self.body()
  }

  /// Whether nothing more comes, not even a byte.
  func isEnded() throws -> Bool {
    guard received.isEmpty else { return false }
    do { try receive() } catch Failure.ended { return true } catch Failure.lost { return true }
    return false
  }

  /// How many bytes come before the end.
  func countToEnd() throws -> Int {
    var count = received.count
    do {
      while true {
        received = []
        try receive()
        count += received.count
      }
    } catch Failure.ended { return count } catch Failure.lost { return count }
  }

  private func take(upTo end: [UInt8]) throws -> String {
    while true {
      for index in received.indices.dropLast(end.count - 1)
      where received[index...].starts(with: end) {
        defer { received.removeFirst(index + end.count) }
        return String(decoding: received[..<index], as: UTF8.self)
      }
      try receive()
    }
  }

  private func receive() throws {
    var buffer = [UInt8](repeating: 0, count: 65_536)
    let count = unsafe recv(descriptor, &buffer, buffer.count, 0)
    if count == 0 { throw Failure.ended }
    if count < 0 { throw errno == EAGAIN ? Failure.tookTooLong : Failure.lost(errno) }
    received += buffer[..<count]
  }
}
