public import EventLoop
internal import Glibc

/// Copies between this process's standard input and output and the service, until one of them ends.
///
/// With poll(2) instead of a loop of sockets: standard input and output are whatever the client chose
/// to give, and they are its own, so that their modes are left as they are.
public struct StdioRelay: ~Copyable {
  /// How it ended.
  public enum End: Hashable, Sendable {
    /// The client closed standard input, and the service has answered what was under way, or has had
    /// its time; or nobody reads standard output any more.
    case clientLeft
    case serviceLost
  }

  private let service: Int32
  private var upward: CopyLane
  private var downward: CopyLane
  private var deadline: ContinuousClock.Instant?

  /// The client has been trusted with our standard input, so that it needs no token.
  public init(_ service: consuming Socket, input: Int32 = 0, output: Int32 = 1) {
    self.service = service.release()
    upward = CopyLane(
      from: input, to: self.service, beginning: RelayGreeting.frame(token: nil))
    downward = CopyLane(from: self.service, to: output, writeBytes: CopyLane.pipeBytes)
  }

  deinit { close(service) }

  /// Copies until the end; after that of the input the service has `lingerSeconds` to finish.
  public mutating func run(lingerSeconds: Int = 10) -> End {
    while true {
      if downward.isBroken { return .clientLeft }
      if downward.isDone { return upward.hasEnded ? .clientLeft : .serviceLost }
      if upward.isDone, deadline == nil {
        shutdown(service, Int32(SHUT_WR))
        deadline = .now + .seconds(lingerSeconds)
      }
      if let deadline, .now >= deadline { return .clientLeft }
      awaitSomething()
    }
  }

  private mutating func awaitSomething() {
    var interests: InlineArray<4, pollfd> = [
      upward.readInterest, upward.writeInterest, downward.readInterest, downward.writeInterest,
    ]
    let patience: Int32 = deadline == nil ? -1 : 100
    var span = interests.mutableSpan
    let ready = unsafe span.withUnsafeMutableBufferPointer {
      unsafe poll($0.baseAddress, nfds_t($0.count), patience)
    }
    guard ready > 0 else { return }
    if interests[0].revents != 0 { upward.read() }
    if interests[1].revents != 0 { upward.write() }
    if interests[2].revents != 0 { downward.read() }
    if interests[3].revents != 0 { downward.write() }
  }
}

/// Bytes on their way from one descriptor to another, one buffer of them at a time.
struct CopyLane {
  /// What a pipe that has room takes without blocking (PIPE_BUF).
  static let pipeBytes = 4096

  private let source: Int32
  private let target: Int32
  private let writeBytes: Int
  private var buffer = [UInt8](repeating: 0, count: 65_536)
  private var waiting: Range<Int>

  /// Nothing more comes.
  private(set) var hasEnded = false
  /// The target takes nothing more.
  private(set) var isBroken = false

  /// `beginning`, a buffer of bytes at most, goes first. A target that may block gets `writeBytes` at
  /// once, as much as it takes when it says that it is ready.
  init(
    from source: Int32, to target: Int32, beginning: [UInt8] = [], writeBytes: Int = 65_536
  ) {
    self.writeBytes = writeBytes
    self.source = source
    self.target = target
    waiting = 0..<beginning.count
    buffer.replaceSubrange(waiting, with: beginning)
  }

  /// Everything that will ever come has been passed on.
  var isDone: Bool { hasEnded && waiting.isEmpty }

  /// poll(2) passes over an interest in descriptor -1.
  var readInterest: pollfd {
    let isWanted = !hasEnded && waiting.isEmpty
    return pollfd(fd: isWanted ? source : -1, events: Int16(POLLIN), revents: 0)
  }

  var writeInterest: pollfd {
    pollfd(fd: waiting.isEmpty ? -1 : target, events: Int16(POLLOUT), revents: 0)
  }

  mutating func read() {
    let count = unsafe Glibc.read(source, &buffer, buffer.count)
    if count > 0 {
      // A target that is gone swallows everything, so that the source is read to its end.
      waiting = isBroken ? 0..<0 : 0..<count
    } else if count == 0 || !Self.isPassing(errno) {
      hasEnded = true
    }
  }

  mutating func write() {
    let part = waiting.prefix(writeBytes)
    let count = unsafe buffer.withUnsafeBytes { bytes in
      unsafe Glibc.write(target, bytes.baseAddress.map { unsafe $0 + part.lowerBound }, part.count)
    }
    if count >= 0 {
      waiting = part.lowerBound + count..<waiting.upperBound
    } else if !Self.isPassing(errno) {
      isBroken = true
      waiting = 0..<0
    }
  }

  /// Whether trying again helps.
  private static func isPassing(_ code: Int32) -> Bool { code == EAGAIN || code == EINTR }
}
