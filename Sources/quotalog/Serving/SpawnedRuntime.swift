internal import CopilotRuntime
internal import EventLoop
internal import Glibc
internal import QuotaService

/// This process as an SDK starts it: a relay to the service of the store, which all of them share.
///
/// Standard output belongs to the protocol; everything else goes to standard error.
enum SpawnedRuntime {
  /// An SDK waits ten seconds for the line with the port, and making a store may come before.
  private static let waitSeconds = 9

  static func run(_ words: [String]) throws(ExitFailure) {
    endOnSignals()
    let options: SpawnOptions
    do throws(SpawnOptionFault) {
      options = try SpawnOptions(words) { Environment[$0] }
    } catch {
      throw ExitFailure(.usage, error.description)
    }
    for note in options.notes { Terminal.remark(note) }
    let path = try Arguments(
      options.dataPath.map { ["--data", $0] } ?? [], options: [.data]
    ).dataPath()
    let services = ServiceLauncher(
      dataPath: path, executable: try executablePath(), secretVariables: options.secretVariables,
      waitSeconds: waitSeconds)
    switch options.way {
    case .stdio: try relayStandardInput(services)
    case .tcp(let host, let port): try relayTCP(services, host, port, options.token)
    }
  }

  private static func relayStandardInput(_ services: ServiceLauncher) throws(ExitFailure) {
    try makeStoreIfMissing(services.dataPath)
    let service: Socket
    do throws(RelayFailure) {
      service = try services.connect()
    } catch {
      throw ExitFailure(error)
    }
    var relay = StdioRelay(service)
    guard relay.run() == .clientLeft else {
      throw ExitFailure(.unavailable, "the service has closed the connection")
    }
  }

  private static func relayTCP(
    _ services: ServiceLauncher, _ host: String, _ port: UInt16, _ token: String?
  ) throws(ExitFailure) {
    let loop: EventLoop
    do throws(EventLoopFailure) {
      loop = try EventLoop()
    } catch {
      throw ExitFailure(.unavailable, "the event loop cannot start: \(error)")
    }
    let relay: TCPRelay
    do throws(RelayFailure) {
      relay = try TCPRelay(
        on: loop, host: host, port: port, token: token, services: services,
        complain: Terminal.remark)
    } catch {
      throw ExitFailure(error)
    }
    try makeStoreIfMissing(services.dataPath)
    try awaitService(services)
    Terminal.say("CLI server listening on port \(relay.port)")
    loop.run()
    withExtendedLifetime(relay) {}
  }

  /// What keeps it from starting is better said before a client believes that all is well.
  private static func awaitService(_ services: ServiceLauncher) throws(ExitFailure) {
    do throws(RelayFailure) { _ = try services.connect() } catch { throw ExitFailure(error) }
  }

  /// Ends at once: the service keeps everything, and the kernel closes the connections.
  private static func endOnSignals() {
    var signals = sigset_t()
    unsafe sigemptyset(&signals)
    for number in [SIGTERM, SIGINT] {
      signal(number) { _ in _exit(0) }
      unsafe sigaddset(&signals, number)
    }
    // Whoever started us may have blocked them, and we would inherit that.
    unsafe pthread_sigmask(SIG_UNBLOCK, &signals, nil)
  }

  private static func executablePath() throws(ExitFailure) -> String {
    guard let path = unsafe realpath("/proc/self/exe", nil) else {
      throw ExitFailure(.unavailable, "the path of this program cannot be read")
    }
    defer { unsafe free(path) }
    return unsafe String(cString: path)
  }
}

extension SpawnedRuntime {
  /// As `quotalog init` does. Of several processes that find no store one makes it, and the others wait.
  private static func makeStoreIfMissing(_ path: String) throws(ExitFailure) {
    let directory = unsafe open(parent(of: path), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    defer { close(directory) }
    // Where there is no such directory, making the store will say so.
    if directory >= 0 { flock(directory, LOCK_EX) }
    guard unsafe access(path + "/log/data.mdb", F_OK) != 0 else { return }
    // An SDK keeps what stands on standard error in a file of its own: no place for a token.
    _ = try Subcommand.newStore(at: path, token: nil)
    Terminal.complain("created a store at \(path)")
    Terminal.complain(
      "its staff user admin has no token yet: `quotalog token issue admin` makes one")
  }

  private static func parent(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }
}

extension ExitFailure {
  fileprivate init(_ failure: RelayFailure) {
    switch failure {
    case .openWithoutToken, .listening(.badHost): self.init(.usage, failure.description)
    case .listening(.notPermitted), .socket(_, .notPermitted):
      self.init(.noPermission, failure.description)
    case .serviceEnded, .noService, .cannotStart, .socket, .listening:
      self.init(.unavailable, failure.description)
    }
  }
}
