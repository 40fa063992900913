import Glibc

/// Why the loop could not be made or could not take on a descriptor, a timer or a signal.
public enum EventLoopFailure: Error, Hashable, Sendable {
  /// The process or the system has no descriptor left; closing some helps.
  case tooManyOpenFiles
  case outOfMemory
  /// The system refused the named call with this `errno`.
  case refused(call: String, code: Int32)
}

extension EventLoopFailure {
  /// Translates the `errno` that `call` has just left behind.
  init(_ call: String, code: Int32 = errno) {
    switch code {
    case EMFILE, ENFILE: self = .tooManyOpenFiles
    case ENOMEM, ENOBUFS: self = .outOfMemory
    default: self = .refused(call: call, code: code)
    }
  }
}
