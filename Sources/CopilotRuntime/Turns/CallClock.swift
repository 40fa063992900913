internal import EventLoop
internal import Sessions

/// The time limits of one model call, by whichever route: of the whole, and of silence once the
/// answer has begun.
final class CallClock {
  private let loop: EventLoop
  private let idleSeconds: Int64
  private let onTimeout: (String) -> Void
  private var whole: LoopTimer?
  private var idle: LoopTimer?
  private var lastByte = ContinuousClock.now

  init(on loop: EventLoop, _ settings: SessionSettings, _ onTimeout: @escaping (String) -> Void) {
    self.loop = loop
    idleSeconds = settings.callIdleSeconds
    self.onTimeout = onTimeout
    let seconds = settings.callTimeoutSeconds
    whole = try? loop.schedule(after: Int(seconds) * 1000) {
      onTimeout("The model's answer was not complete after \(seconds) seconds.")
    }
  }

  /// Something of the answer has come.
  func noteByte() {
    lastByte = .now
    if idle == nil { watchSilence(milliseconds: Int(idleSeconds) * 1000) }
  }

  func stop() {
    whole?.cancel()
    idle?.cancel()
    whole = nil
    idle = nil
  }

  /// Looks again when silence would have lasted too long, had it begun at the last byte: a timer for
  /// each byte would be dear.
  private func watchSilence(milliseconds: Int) {
    idle = try? loop.schedule(after: milliseconds) { [weak self] in self?.checkSilence() }
  }

  private func checkSilence() {
    let rest = Duration.seconds(idleSeconds) - (ContinuousClock.now - lastByte)
    guard rest <= .zero else { return watchSilence(milliseconds: Int(rest / .milliseconds(1)) + 1) }
    onTimeout("The model has said nothing more for \(idleSeconds) seconds.")
  }
}
