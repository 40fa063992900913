import CopilotRuntime
import EventLoop
import Foundation
import TestSupport
import Testing

@Suite struct `A relay on standard input and output` {
  let store = TemporaryDirectory()

  @Test func `copies both ways, and says first whom it comes for`() throws {
    let runtime = try TestRuntime(path: ServiceLauncher.socketPath(of: store.path))
    let (client, end) = try startRelay()
    #expect(try client.exchange(request("1", "echo", "[1]")) == result("1", "[1]"))
    #expect(runtime.onLoop { $0.events } == ["told quotalog.relay {}"])
    let text = #"["\#(String(repeating: "x", count: 3_000_000))"]"#
    #expect(try client.exchange(request("2", "echo", text)) == result("2", text))
    client.finishSending()
    #expect(end.take() == .clientLeft)
    #expect(try client.isEnded())
  }

  @Test func `brings what is under way when its input ends`() throws {
    let runtime = try TestRuntime(path: ServiceLauncher.socketPath(of: store.path))
    let (client, end) = try startRelay()
    try client.say(request("1", "keep"))
    client.finishSending()
    #expect(runtime.wait { $0.events.last == "input ended" })
    runtime.onLoop { $0.answerKept() }
    #expect(try client.body() == result("1", #""late""#))
    #expect(end.take() == .clientLeft)
  }

  @Test func `gives the service only so long when its input ends`() throws {
    let runtime = try TestRuntime(path: ServiceLauncher.socketPath(of: store.path))
    let (client, end) = try startRelay(lingerSeconds: 1)
    try client.say(request("1", "keep"))
    client.finishSending()
    #expect(end.take() == .clientLeft)
    #expect(runtime.wait { $0.connections.isEmpty || $0.kept.count == 1 })
  }

  @Test func `ends when the service goes`() throws {
    let runtime = try TestRuntime(path: ServiceLauncher.socketPath(of: store.path))
    let (client, end) = try startRelay()
    #expect(try client.exchange(request("1", "echo")) == result("1", "null"))
    runtime.onLoop { for connection in $0.connections { connection.abort() } }
    #expect(end.take() == .serviceLost)
    #expect(try client.isEnded())
  }

  /// A relay on a thread of its own, whose standard input and output are a socket, as with Node.
  private func startRelay(
    lingerSeconds: Int = 10
  ) throws -> (TestClient, Handover<StdioRelay.End>) {
    signal(SIGPIPE, SIG_IGN)
    var pair: [Int32] = [-1, -1]
    #expect(unsafe socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &pair) == 0)
    let (ours, its) = (pair[0], pair[1])
    let end = Handover<StdioRelay.End>()
    let services = launcher(store, "exit 1")
    Thread.detachNewThread {
      do {
        var relay = StdioRelay(try services.connect(), input: its, output: its)
        end.give(relay.run(lingerSeconds: lingerSeconds))
      } catch {
        Issue.record(error)
      }
      close(its)
    }
    return (try TestClient(descriptor: ours), end)
  }
}

@Suite struct `A relay over TCP` {
  let store = TemporaryDirectory()

  @Test func `gives every client a connection of its own, with the token to show`() throws {
    let runtime = try TestRuntime(path: ServiceLauncher.socketPath(of: store.path))
    let relay = try RelayThread(launcher(store, "exit 1"), token: "secret")
    let clients = try (0..<3).map { _ in try TestClient(port: relay.port) }
    for (number, client) in clients.enumerated() {
      #expect(
        try client.exchange(request("1", "echo", "[\(number)]")) == result("1", "[\(number)]"))
    }
    let told = #"told quotalog.relay {"token":"secret"}"#
    #expect(runtime.onLoop { $0.events } == [told, told, told])
    clients[0].finishSending()
    #expect(try clients[0].isEnded())
    let text = #"["\#(String(repeating: "x", count: 3_000_000))"]"#
    #expect(try clients[1].exchange(request("2", "echo", text)) == result("2", text))
  }

  @Test func `brings what is under way when the client ends its side`() throws {
    let runtime = try TestRuntime(path: ServiceLauncher.socketPath(of: store.path))
    let relay = try RelayThread(launcher(store, "exit 1"))
    let client = try TestClient(port: relay.port)
    try client.say(request("1", "keep"))
    client.finishSending()
    #expect(runtime.wait { $0.events.last == "input ended" })
    runtime.onLoop { $0.answerKept() }
    #expect(try client.body() == result("1", #""late""#))
    #expect(try client.isEnded())
  }

  @Test func `ends a client whose service goes`() throws {
    let runtime = try TestRuntime(path: ServiceLauncher.socketPath(of: store.path))
    let relay = try RelayThread(launcher(store, "exit 1"))
    let client = try TestClient(port: relay.port)
    #expect(try client.exchange(request("1", "echo")) == result("1", "null"))
    runtime.onLoop { for connection in $0.connections { connection.abort() } }
    #expect(try client.isEnded())
  }

  @Test func `holds no more than a little for a client that does not read`() throws {
    var limits = RPCLimits()
    limits.maximumOutputBytes = 1 << 20
    let runtime = try TestRuntime(
      path: ServiceLauncher.socketPath(of: store.path), limits: limits)
    let relay = try RelayThread(launcher(store, "exit 1"))
    let client = try TestClient(port: relay.port, receiveBuffer: 8192)
    #expect(try client.exchange(request("1", "echo")) == result("1", "null"))
    let event = Array(#"["\#(String(repeating: "x", count: 10_000))"]"#.utf8)
    for _ in 0..<2000 {
      runtime.onLoop { for connection in $0.connections { connection.notify("e", event) } }
    }
    #expect(runtime.wait { $0.events.last == "closed: clientTooSlow" })
    // What the kernel holds on both ways, and a little of the relay's.
    #expect(try client.countToEnd() < 12 << 20)
  }

  @Test func `is refused beyond this machine without a token`() throws {
    let loop = try EventLoop()
    let services = launcher(store, "exit 1")
    #expect(throws: RelayFailure.openWithoutToken(host: "0.0.0.0")) {
      _ = try TCPRelay(on: loop, host: "0.0.0.0", port: 0, token: nil, services: services) { _ in }
    }
    _ = try TCPRelay(on: loop, host: "0.0.0.0", port: 0, token: "t", services: services) { _ in }
  }

  @Test func `ends clients for whom there is no service, and goes on`() throws {
    let relay = try RelayThread(launcher(store, "echo no store; exit 66"))
    #expect(try TestClient(port: relay.port).isEnded())
    let runtime = try TestRuntime(path: ServiceLauncher.socketPath(of: store.path))
    let client = try TestClient(port: relay.port)
    #expect(try client.exchange(request("1", "echo")) == result("1", "null"))
    withExtendedLifetime(runtime) {}
  }
}

@Suite struct `A launcher of services` {
  let store = TemporaryDirectory()

  @Test func `starts one for the store, apart from this process and its secrets`() throws {
    // Not marked to be closed, as somebody else's files may be; with a number that nobody else has.
    let file = fcntl(STDERR_FILENO, F_DUPFD, 700)
    defer { close(file) }
    let script = """
      echo "$@"; echo "<$HOME>${PATH:+path}"; ls /proc/$$/fd | tr '\\n' ' '
      cut -d' ' -f6 /proc/$$/stat; echo $$; exit 65
      """
    #expect(throws: RelayFailure.self) {
      _ = try launcher(store, script, without: ["HOME"]).connect()
    }
    let lines = try log().split(separator: "\n")
    #expect(lines[0] == "serve --data \(store.path) --background")
    #expect(lines[1] == "<>path")
    let files = lines[2].split(separator: " ")
    #expect(!files.contains(Substring(String(file))))
    #expect(files.last == lines[3], "a session of its own")
  }

  @Test func `says what a service that cannot start has said`() {
    let failure = RelayFailure.serviceEnded(status: 65, lastLine: "quotalog: the log is damaged")
    #expect(throws: failure) {
      _ = try launcher(store, "echo first; echo quotalog: the log is damaged >&2; exit 65")
        .connect()
    }
    #expect(failure.description.hasSuffix("status 65: quotalog: the log is damaged"))
  }

  @Test func `does not wait for ever`() {
    #expect(throws: RelayFailure.noService(seconds: 1, lastLine: "in use")) {
      _ = try launcher(store, "echo in use; exit 69", waitSeconds: 1).connect()
    }
  }

  @Test func `waits for the one that had the store before`() throws {
    let services = launcher(store, "exit 69", waitSeconds: 5)
    let connected = Handover<Bool>()
    Thread.detachNewThread {
      do {
        _ = try services.connect()
        connected.give(true)
      } catch {
        connected.give(false)
      }
    }
    usleep(400_000)
    let runtime = try TestRuntime(path: ServiceLauncher.socketPath(of: store.path))
    #expect(connected.take())
    withExtendedLifetime(runtime) {}
  }

  @Test func `starts another one where the first found the store in use, and that one ended`()
    throws
  {
    let services = launcher(store, "echo start; exit 69", waitSeconds: 1)
    #expect(throws: RelayFailure.self) { _ = try services.connect() }
    #expect(try log().split(separator: "\n").count >= 2)
  }

  private func log() throws -> String {
    try String(contentsOfFile: store.path + "/background.log", encoding: .utf8)
  }
}

/// A launcher whose service is a shell script.
private func launcher(
  _ store: TemporaryDirectory, _ script: String, without secrets: Set<String> = [],
  waitSeconds: Int = 10
) -> ServiceLauncher {
  let path = store.path + "/service.sh"
  _ = FileManager.default.createFile(
    atPath: path, contents: Data("#!/bin/sh\n\(script)\n".utf8),
    attributes: [.posixPermissions: 0o700])
  return ServiceLauncher(
    dataPath: store.path, executable: path, secretVariables: secrets, waitSeconds: waitSeconds)
}

/// A TCP relay on a thread of its own; released, it is gone.
private final class RelayThread {
  let port: UInt16
  private let waker: Waker

  init(_ services: ServiceLauncher, token: String? = nil) throws {
    let started = Handover<Result<(UInt16, Waker), any Error>>()
    Thread.detachNewThread {
      do {
        let loop = try EventLoop()
        let relay = try TCPRelay(
          on: loop, host: "127.0.0.1", port: 0, token: token, services: services
        ) { _ in }
        let waker = try loop.makeWaker { [unowned loop] in loop.stop() }
        started.give(.success((relay.port, waker)))
        loop.run()
        withExtendedLifetime(relay) {}
      } catch {
        started.give(.failure(error))
      }
    }
    (port, waker) = try started.take().get()
  }

  deinit { waker.wake() }
}
