public import EventLoop
internal import Glibc
internal import JSON

/// Finds the service of a store, and starts one in the background where there is none.
///
/// The store's lock decides which one stays when several are started at once: the others end, and
/// everybody finds the socket of that one.
public struct ServiceLauncher: Sendable {
  /// What a service ends with when the store is in use.
  private static let inUseStatus: Int32 = 69

  public let dataPath: String
  private let executable: String
  private let arguments: [String]
  private let secretVariables: Set<String>
  private let waitSeconds: Int

  /// `executable` is started with `serve --data DIR --background`.
  public init(
    dataPath: String, executable: String, secretVariables: Set<String> = [], waitSeconds: Int = 10
  ) {
    self.dataPath = dataPath
    self.executable = executable
    self.secretVariables = secretVariables
    self.waitSeconds = waitSeconds
    arguments = ["serve", "--data", dataPath, "--background"]
  }

  /// Where the service of the store at `dataPath` listens.
  public static func socketPath(of dataPath: String) -> String { dataPath + "/runtime.sock" }

  private var logPath: String { dataPath + "/background.log" }

  /// A connection to the service. It waits until there is one, for ten seconds at most.
  public func connect() throws(RelayFailure) -> Socket {
    let path = Self.socketPath(of: dataPath)
    let deadline = ContinuousClock.now + .seconds(waitSeconds)
    var service: BackgroundProcess?
    var nextStart = ContinuousClock.now
    while true {
      do throws(UnixSocketFailure) {
        return try Socket(connectingToUnixPath: path)
      } catch {
        guard error == .nobodyListens else { throw .socket(path: path, error) }
      }
      if let status = service?.exitStatus() {
        service = nil
        try accept(status)
      }
      let now = ContinuousClock.now
      guard now < deadline else { throw .noService(seconds: waitSeconds, lastLine: lastLine()) }
      if service == nil, now >= nextStart {
        service = try BackgroundProcess(
          executable, arguments, log: logPath, without: secretVariables)
        nextStart = now + .milliseconds(300)
      }
      usleep(10_000)
    }
  }

  /// A service that met another one will do: that one listens soon, or has just ended.
  private func accept(_ status: Int32) throws(RelayFailure) {
    guard status == 0 || status == Self.inUseStatus else {
      throw .serviceEnded(status: status, lastLine: lastLine())
    }
  }

  /// What the last service said at last.
  private func lastLine() -> String {
    let descriptor = unsafe open(logPath, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return "" }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 4096)
    let start = max(0, lseek(descriptor, 0, SEEK_END) - bytes.count)
    let count = unsafe pread(descriptor, &bytes, bytes.count, start)
    let lines = bytes.prefix(max(0, count)).split(separator: UInt8(ascii: "\n"))
    return String(decoding: lines.last ?? [], as: UTF8.self)
  }
}

/// What a relay says first on each connection to the service, before any byte of its client.
enum RelayGreeting {
  /// A frame with the token that the client has to show when it connects; none for a trusted one.
  static func frame(token: String?) -> [UInt8] {
    var params = JSONWriter()
    params.beginObject()
    if let token {
      params.name("token")
      params.string(token)
    }
    params.endObject()
    var frame: [UInt8] = []
    FrameWriter.append(RPCBody.notification("quotalog.relay", params.take()), to: &frame)
    return frame
  }
}
