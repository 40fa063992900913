import EventLoop
import Foundation
import TestSupport
import Testing

@Suite struct `A unix domain socket` {
  let directory = TemporaryDirectory()
  var path: String { directory.path + "/runtime.sock" }

  @Test func `connects both ways, for this user alone`() throws {
    let runtime = try TestRuntime(path: path)
    let client = try TestClient(path: path)
    #expect(try client.exchange(request("1", "echo", "[1]")) == result("1", "[1]"))
    #expect(runtime.onLoop { $0.trusted } == [true])
    #expect(try mode(of: path) == 0o600)
  }

  @Test func `says no user of a TCP peer`() throws {
    let runtime = try TestRuntime()
    let client = try TestClient(port: runtime.port)
    #expect(try client.exchange(request("1", "echo")) == result("1", "null"))
    #expect(runtime.onLoop { $0.trusted } == [false])
  }

  @Test func `is gone with its listener`() throws {
    let loop = try EventLoop()
    var listener: Listener? = try Listener(on: loop, unixPath: path) { _ in }
    #expect(listener?.isLocal == true)
    #expect(FileManager.default.fileExists(atPath: path))
    listener = nil
    #expect(!FileManager.default.fileExists(atPath: path))
    #expect(throws: UnixSocketFailure.nobodyListens) { try connect() }
  }

  @Test func `is left alone at the end when somebody else has taken its place`() throws {
    let loop = try EventLoop()
    var first: Listener? = try Listener(on: loop, unixPath: path) { _ in }
    try FileManager.default.removeItem(atPath: path)
    let second = try Listener(on: loop, unixPath: path) { _ in }
    #expect(first != nil)
    first = nil
    try connect()
    withExtendedLifetime(second) {}
  }

  @Test func `replaces one that its process has left behind`() throws {
    try leaveSocketBehind()
    #expect(throws: UnixSocketFailure.nobodyListens) { try connect() }
    let loop = try EventLoop()
    let listener = try Listener(on: loop, unixPath: path) { _ in }
    try connect()
    withExtendedLifetime(listener) {}
  }

  @Test func `does not replace one in use`() throws {
    let loop = try EventLoop()
    let listener = try Listener(on: loop, unixPath: path) { _ in }
    #expect(throws: UnixSocketFailure.inUse) {
      _ = try Listener(on: loop, unixPath: path) { _ in }
    }
    try connect()
    withExtendedLifetime(listener) {}
  }

  @Test func `does not replace another file`() throws {
    try "text".write(toFile: path, atomically: false, encoding: .utf8)
    let loop = try EventLoop()
    #expect(throws: UnixSocketFailure.notASocket) {
      _ = try Listener(on: loop, unixPath: path) { _ in }
    }
    #expect(try String(contentsOfFile: path, encoding: .utf8) == "text")
  }

  @Test(arguments: [107, 108, 1000]) func `may lie deep in the file system`(length: Int) throws {
    var deep = directory.path
    while deep.utf8.count + 10 < length { deep = deep + "/" + String(repeating: "d", count: 40) }
    try FileManager.default.createDirectory(atPath: deep, withIntermediateDirectories: true)
    let path = deep + "/" + String(repeating: "x", count: max(8, length - deep.utf8.count - 1))
    let loop = try EventLoop()
    var listener: Listener? = try Listener(on: loop, unixPath: path) { _ in }
    close(try Socket(connectingToUnixPath: path).release())
    #expect(try mode(of: path) == 0o600)
    #expect(listener != nil)
    listener = nil
    #expect(!FileManager.default.fileExists(atPath: path))
  }

  @Test func `has no name that the system cannot take`() throws {
    let path = directory.path + "/" + String(repeating: "x", count: 100)
    let loop = try EventLoop()
    #expect(throws: UnixSocketFailure.pathTooLong(limit: 107)) {
      _ = try Listener(on: loop, unixPath: path) { _ in }
    }
    #expect(throws: UnixSocketFailure.pathTooLong(limit: 107)) {
      _ = try Socket(connectingToUnixPath: path)
    }
  }

  @Test(arguments: [
    ("127.0.0.1", true), ("localhost", true), ("127.8.9.10", true), ("0.0.0.0", false),
    ("::1", true), ("::", false),
  ])
  func `tells a TCP listener that only this machine reaches`(host: String, isLocal: Bool) throws {
    let loop = try EventLoop()
    do {
      #expect(try Listener(on: loop, host: host, port: 0) { _ in }.isLocal == isLocal)
    } catch ListenFailure.addressNotHere {
      // A machine without IPv6.
    }
  }

  private func connect() throws {
    close(try Socket(connectingToUnixPath: path).release())
  }

  private func leaveSocketBehind() throws {
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: path.utf8) }
    let result = unsafe withUnsafeBytes(of: address) { bytes in
      let pointer = unsafe bytes.assumingMemoryBound(to: sockaddr.self).baseAddress
      return unsafe bind(descriptor, pointer, socklen_t(bytes.count))
    }
    #expect(result == 0)
    close(descriptor)
  }

  private func mode(of path: String) throws -> Int? {
    try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
  }
}
