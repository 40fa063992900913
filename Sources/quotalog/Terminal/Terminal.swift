internal import Glibc

/// Standard output and standard error.
enum Terminal {
  static var isInteractive: Bool { isatty(STDOUT_FILENO) == 1 }
  static var isErrorInteractive: Bool { isatty(STDERR_FILENO) == 1 }

  /// Columns of the terminal; 80 where there is none.
  static var width: Int {
    var size = winsize()
    let code = unsafe ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size)
    return code == 0 && size.ws_col > 20 ? Int(size.ws_col) : 80
  }

  /// A line on standard output.
  static func say(_ line: String) { write(Array((line + "\n").utf8)) }

  /// Bytes on standard output.
  static func write(_ bytes: [UInt8]) {
    // Where nobody reads any more there is nobody to tell.
    _ = Output(descriptor: STDOUT_FILENO).write(bytes)
  }

  /// A sentence on standard error, in the name of the program.
  static func complain(_ message: String) {
    _ = Output(descriptor: STDERR_FILENO).write(Array("quotalog: \(message)\n".utf8))
  }

  /// A sentence on standard error that may be lost where nobody reads.
  ///
  /// SDKs leave the pipe of a runtime that listens unread, and a full one would hold us up for ever.
  static func remark(_ message: String) {
    var reader = pollfd(fd: STDERR_FILENO, events: Int16(POLLOUT), revents: 0)
    guard unsafe poll(&reader, 1, 0) == 1, reader.revents == Int16(POLLOUT) else { return }
    // Where there is any room at all, there is room for this much.
    let line = Array("quotalog: \(message)".utf8).prefix(4095) + [UInt8(ascii: "\n")]
    _ = Output(descriptor: STDERR_FILENO).write(Array(line))
  }

  /// Text on standard error that is not a complaint.
  static func note(_ text: String) {
    _ = Output(descriptor: STDERR_FILENO).write(Array(text.utf8))
  }

  /// `text` in a colour of the terminal, where standard output is one and nobody objects.
  static func coloured(_ text: String, _ colour: Colour) -> String {
    guard isInteractive, Environment["NO_COLOR"] == nil else { return text }
    return "\(colour.sequence)\(text)\u{1B}[0m"
  }

  enum Colour: Int, CaseIterable {
    case red = 31
    case green = 32
    case yellow = 33
    case grey = 90

    var sequence: String { "\u{1B}[\(rawValue)m" }
  }
}

/// A file to write to.
struct Output {
  let descriptor: Int32

  static let standard = Output(descriptor: STDOUT_FILENO)

  /// Writes everything; false where nobody reads any more, so that nothing more has to be made.
  func takes(_ bytes: [UInt8]) throws(ExitFailure) -> Bool {
    if write(bytes) { return true }
    guard errno != EPIPE else { return false }
    throw ExitFailure(.inputOutput, "writing failed: \(unsafe String(cString: strerror(errno)))")
  }

  /// Writes everything; answers false where the file takes no more. A terminal is shown what people wrote,
  /// never told to do what it says.
  func write(_ bytes: [UInt8]) -> Bool {
    let bytes = isatty(descriptor) == 1 ? TerminalText.harmless(bytes) : bytes
    var offset = 0
    while offset < bytes.count {
      let count = unsafe bytes.withUnsafeBytes { (buffer) in
        unsafe Glibc.write(descriptor, buffer.baseAddress! + offset, buffer.count - offset)
      }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { return false }
      offset += count
    }
    return true
  }
}
