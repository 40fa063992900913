internal import Glibc

/// A process of ours that goes on when we have ended: in a session of its own, with nothing of our
/// terminal, our files and our client's secrets.
struct BackgroundProcess {
  private let identifier: pid_t

  /// Its output goes to the end of the file `log`, which only this user may read.
  init(
    _ executable: String, _ arguments: [String], log: String, without secrets: Set<String>
  ) throws(RelayFailure) {
    Self.keepFilesFromChildren()
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    let flags = O_WRONLY | O_CREAT | O_APPEND
    unsafe posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
    unsafe posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log, flags, 0o600)
    unsafe posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO)
    var attributes = posix_spawnattr_t()
    unsafe posix_spawnattr_init(&attributes)
    defer { unsafe posix_spawnattr_destroy(&attributes) }
    unsafe Self.detach(&attributes)
    var identifier: pid_t = 0
    let code = unsafe withCStrings([executable] + arguments) { (words) in
      unsafe withCStrings(Self.environment(without: secrets)) { (variables) in
        unsafe posix_spawn(&identifier, executable, &actions, &attributes, words, variables)
      }
    }
    guard code == 0 else { throw .cannotStart(code: code) }
    self.identifier = identifier
  }

  /// The status it ended with, 128 and more for a signal; nil while it runs. To be asked until it says.
  func exitStatus() -> Int32? {
    var status: Int32 = 0
    guard unsafe waitpid(identifier, &status, WNOHANG) == identifier else { return nil }
    let signal = status & 0x7F
    return signal == 0 ? status >> 8 & 0xFF : 128 + signal
  }

  /// A session of its own, and no signal blocked or ignored as we have them.
  private static func detach(_ attributes: UnsafeMutablePointer<posix_spawnattr_t>) {
    var signals = sigset_t()
    unsafe sigemptyset(&signals)
    unsafe posix_spawnattr_setsigmask(attributes, &signals)
    unsafe sigfillset(&signals)
    unsafe posix_spawnattr_setsigdefault(attributes, &signals)
    let newSession: Int32 = 0x80  // POSIX_SPAWN_SETSID, which the module does not show.
    let flags = newSession | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF
    unsafe posix_spawnattr_setflags(attributes, Int16(flags))
  }

  /// Whoever started us may have left files open, and would wait for their end.
  private static func keepFilesFromChildren() {
    for descriptor in 3..<1024 as Range<Int32> { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
  }

  private static func environment(without secrets: Set<String>) -> [String] {
    var variables: [String] = []
    var next = unsafe environ
    while let text = unsafe next.pointee {
      let variable = unsafe String(cString: text)
      if !secrets.contains(String(variable.prefix { $0 != "=" })) { variables.append(variable) }
      unsafe next += 1
    }
    return variables
  }
}

/// Lends `texts` as C has them: an array of strings with nothing at its end.
private func withCStrings<Result>(
  _ texts: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result
) -> Result {
  let copies = unsafe texts.map { unsafe strdup($0) } + [nil]
  defer { for index in 0...texts.count { unsafe free(copies[index]) } }
  return unsafe copies.withUnsafeBufferPointer { unsafe body($0.baseAddress!) }
}
