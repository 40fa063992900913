/// When a connection has to have done what it is doing, counted in sweeps of half a second.
///
/// A deadline falls between its limit and half a second later. While the loop is busy no sweeps are
/// counted: clients are not blamed for the server's own slowness.
struct Deadlines {
  /// How often connections are looked through.
  static let sweepMilliseconds = 500

  /// What the server waits for on a connection's input.
  enum Wait: Equatable {
    /// The first byte of the first request.
    case firstRequest
    /// Another request, after so many.
    case nextRequest(after: Int)
    /// The rest of a request, after so many and after so much of its body.
    case restOfRequest(after: Int, steps: Int)
    /// The end of a connection that has had its last answer.
    case end
    /// Nothing that the client owes.
    case nothing
  }

  private let limits: HTTPServerLimits
  private var wait = Wait.nothing
  private var inputSweep = UInt64.max
  private var outputSweep = UInt64.max
  private var outputMark: UInt64 = 0
  private var writeSeconds: Int

  init(limits: HTTPServerLimits) {
    self.limits = limits
    writeSeconds = limits.writeSeconds
  }

  /// Gives the client no longer than a closed connection lingers, from now on, to take output.
  mutating func hurryOutput() {
    writeSeconds = min(writeSeconds, limits.lingerSeconds)
    outputSweep = .max
  }

  /// Starts anew whenever what is waited for has changed.
  mutating func awaitInput(_ wait: Wait, at sweep: UInt64) {
    guard wait != self.wait else { return }
    self.wait = wait
    inputSweep = seconds(for: wait).map { sweep + Self.sweeps($0) } ?? .max
  }

  /// Starts anew whenever the client has taken enough, and stops when nothing is owed to it.
  mutating func awaitOutput(pending: Int, sent: UInt64, at sweep: UInt64) {
    if pending == 0 {
      outputSweep = .max
    } else if outputSweep == .max || sent >= outputMark {
      outputSweep = sweep + Self.sweeps(writeSeconds)
      outputMark = sent + UInt64(limits.writeProgressBytes)
    }
  }

  /// What the client has not done in time, if anything.
  func missed(at sweep: UInt64) -> Missed? {
    if sweep >= outputSweep { return .output }
    return sweep >= inputSweep ? .input(wait) : nil
  }

  enum Missed: Equatable {
    case output
    case input(Wait)
  }

  private func seconds(for wait: Wait) -> Int? {
    switch wait {
    case .firstRequest, .restOfRequest: limits.requestSeconds
    case .nextRequest: limits.idleSeconds
    case .end: limits.lingerSeconds
    case .nothing: nil
    }
  }

  /// One more than the seconds hold, for the sweep under way has begun before now.
  private static func sweeps(_ seconds: Int) -> UInt64 {
    UInt64(max(seconds, 0) * 1000 / sweepMilliseconds + 1)
  }
}
