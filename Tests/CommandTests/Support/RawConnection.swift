import Foundation
import Glibc

/// What a server answered.
struct RawResponse {
  let status: Int
  let body: String

  /// What an append answers.
  struct Receipt: Decodable, Equatable {
    let position: UInt64
    let replayed: Bool
  }

  func receipt() throws -> Receipt {
    try JSONDecoder().decode(Receipt.self, from: Data(body.utf8))
  }
}

/// A connection to a server on this machine, by nothing but the system's sockets.
final class RawConnection {
  enum Failure: Error { case notConnected, lost }

  private let descriptor: Int32
  private let token: String
  private var received: [UInt8] = []

  init(port: UInt16, token: String) throws {
    self.token = token
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let descriptor = descriptor
    let code = unsafe withUnsafePointer(to: &address) { (address) in
      unsafe address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe Glibc.connect(descriptor, $0, length)
      }
    }
    var patience = timeval(tv_sec: 10, tv_usec: 0)
    let size = socklen_t(MemoryLayout<timeval>.size)
    unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, size)
    if code != 0 {
      close(descriptor)
      throw Failure.notConnected
    }
  }

  deinit { close(descriptor) }

  /// Sends a request without waiting for the answer; further ones may follow.
  func send(_ method: String, _ path: String, _ body: String? = nil) throws {
    let text = """
      \(method) \(path) HTTP/1.1\r
      Host: quotalog\r
      Authorization: Token \(token)\r
      Content-Type: application/json\r
      Content-Length: \(body?.utf8.count ?? 0)\r
      \r
      \(body ?? "")
      """
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let sent = unsafe bytes.withUnsafeBytes {
        unsafe Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      guard sent > 0 else { throw Failure.lost }
      bytes = bytes.dropFirst(sent)
    }
  }

  /// The next response; throws when the server is gone before its end.
  func response() throws -> RawResponse {
    while true {
      if let response = takeResponse() { return response }
      var part = [UInt8](repeating: 0, count: 65_536)
      let count = unsafe recv(descriptor, &part, part.count, 0)
      guard count > 0 else { throw Failure.lost }
      received += part[..<count]
    }
  }

  private func takeResponse() -> RawResponse? {
    guard let end = received.firstRange(of: Array("\r\n\r\n".utf8)) else { return nil }
    let lines = String(decoding: received[..<end.lowerBound], as: UTF8.self)
      .components(separatedBy: "\r\n")
    let length = lines.first { $0.lowercased().hasPrefix("content-length:") }
      .flatMap { Int($0.dropFirst(15).trimmingCharacters(in: .whitespaces)) }
    let status = lines[0].split(separator: " ").dropFirst().first.flatMap { Int($0) }
    let last = end.upperBound + (length ?? 0)
    guard received.count >= last else { return nil }
    let body = String(decoding: received[end.upperBound..<last], as: UTF8.self)
    received.removeFirst(last)
    return RawResponse(status: status ?? 0, body: body)
  }
}
