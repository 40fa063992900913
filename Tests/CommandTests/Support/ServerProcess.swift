import Foundation
import Glibc

/// A running `quotalog serve` on a free port.
final class ServerProcess {
  enum Failure: Error { case noAddress }

  private let process: Process
  private let output = Pipe()
  private let token: String
  private(set) var port: UInt16 = 0

  var identifier: Int32 { process.processIdentifier }

  /// Starts it and waits until it listens, or, with `isAwaited` false, for nothing.
  init(of store: CommandStore, isAwaited: Bool = true) throws {
    process = QuotalogCommand.process(
      ["serve", "--json", "--listen", "127.0.0.1:0", "--data", store.path])
    process.standardOutput = output
    token = store.token
    try process.run()
    if isAwaited { port = try announcedPort() }
  }

  deinit {
    if process.isRunning { kill() }
  }

  func connect() throws -> RawConnection { try RawConnection(port: port, token: token) }

  /// Sends one request on a connection of its own.
  func exchange(_ method: String, _ path: String, _ body: String? = nil) throws -> RawResponse {
    let connection = try connect()
    try connection.send(method, path, body)
    return try connection.response()
  }

  /// Ends it as nothing else does: without any chance to finish.
  func kill() {
    Glibc.kill(identifier, SIGKILL)
    process.waitUntilExit()
  }

  /// Has it killed in a moment, while the caller goes on.
  func kill(afterMicroseconds delay: Int64) {
    let identifier = identifier
    Thread.detachNewThread {
      usleep(UInt32(delay))
      Glibc.kill(identifier, SIGKILL)
    }
  }

  func waitForEnd() { process.waitUntilExit() }

  /// Asks it to finish; answers its exit code, or that of SIGKILL where it does not.
  func stop() -> Int32 {
    process.terminate()
    for _ in 0..<1000 where process.isRunning { usleep(10_000) }
    if process.isRunning { kill() }
    return process.terminationStatus
  }

  private func announcedPort() throws -> UInt16 {
    var text = Data()
    while text.last != 0x0A {
      let part = output.fileHandleForReading.availableData
      if part.isEmpty { throw Failure.noAddress }
      text += part
    }
    struct Announcement: Decodable { let listening: URL }
    let address = try JSONDecoder().decode(Announcement.self, from: text).listening
    guard let port = address.port else { throw Failure.noAddress }
    return UInt16(port)
  }
}
