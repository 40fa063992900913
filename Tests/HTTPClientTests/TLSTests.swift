import Foundation
import HTTPClient
import Testing

@Suite(.timeLimit(.minutes(1))) struct `a server with a certificate of its own` {
  @Test func `is asked when its certificate is trusted`() throws {
    let server = try TLSServer()
    let on = try ClientOnLoop(authoritiesFile: server.certificatePath)
    let answer = try on.answer(OutgoingRequest(method: "GET", url: server.url(host: "127.0.0.1")))
    #expect(answer.failure == nil)
    #expect(answer.status == 200)
  }

  @Test func `is not asked when its certificate is not trusted`() throws {
    let server = try TLSServer()
    let answer = try ClientOnLoop().answer(
      OutgoingRequest(method: "GET", url: server.url(host: "127.0.0.1")))
    #expect(answer.failure == .untrustedCertificate)
    #expect(answer.eventCount == 1)
  }

  @Test func `is not asked under another name`() throws {
    let server = try TLSServer()
    let on = try ClientOnLoop(authoritiesFile: server.certificatePath)
    let answer = try on.answer(OutgoingRequest(method: "GET", url: server.url(host: "localhost")))
    #expect(answer.failure == .untrustedCertificate)
  }

  @Test func `is not asked when the trusted certificates cannot be read`() throws {
    let server = try TLSServer()
    let on = try ClientOnLoop(authoritiesFile: "/nonexistent")
    let answer = try on.answer(OutgoingRequest(method: "GET", url: server.url(host: "127.0.0.1")))
    #expect(answer.failure == .noSecureConnection)
  }
}

/// OpenSSL's test server with a certificate made for 127.0.0.1 and nothing else.
final class TLSServer {
  enum Failure: Error { case notStarted }

  let certificatePath: String
  private let directory: URL
  private let process: Process
  private let port: Int

  init() throws {
    directory = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    certificatePath = directory.appending(path: "certificate.pem").path
    let key = directory.appending(path: "key.pem").path
    let making = try openssl(
      "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=test",
      "-addext subjectAltName=IP:127.0.0.1 -keyout \(key) -out \(certificatePath)")
    making.process.waitUntilExit()
    // It ends by itself even if nobody stops it: after a few connections.
    let serving = try openssl(
      "s_server -accept 127.0.0.1:0 -www -naccept 5 -cert \(certificatePath) -key \(key)")
    process = serving.process
    port = try portAnnounced(in: serving.output)
  }

  deinit {
    // It inherits which signals are blocked, and that may be all that could be.
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
    try? FileManager.default.removeItem(at: directory)
  }

  func url(host: String) -> String { "https://\(host):\(port)/" }
}

private func openssl(_ arguments: String...) throws -> (process: Process, output: FileHandle) {
  let process = Process()
  let output = Pipe()
  process.executableURL = URL(filePath: "/usr/bin/openssl")
  process.arguments = arguments.joined(separator: " ").split(separator: " ").map(String.init)
  process.standardInput = FileHandle.nullDevice
  process.standardOutput = output
  process.standardError = FileHandle.nullDevice
  try process.run()
  return (process, output.fileHandleForReading)
}

/// The port in `ACCEPT 127.0.0.1:33071`.
private func portAnnounced(in output: FileHandle) throws -> Int {
  var text = ""
  while !text.contains("\n") || !text.contains("ACCEPT ") {
    let more = output.availableData
    guard !more.isEmpty else { throw TLSServer.Failure.notStarted }
    text += String(decoding: more, as: UTF8.self)
  }
  guard let port = text.split(separator: ":").last.flatMap({ Int($0.prefix { $0.isNumber }) })
  else { throw TLSServer.Failure.notStarted }
  return port
}
