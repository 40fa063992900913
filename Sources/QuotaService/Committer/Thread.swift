internal import Glibc

/// A thread of the system.
enum Thread {
  /// Starts a thread that tools which list threads show under `name`, of at most 15 bytes.
  static func start(
    named name: String, _ body: @escaping @Sendable () -> Void
  ) -> pthread_t {
    var thread = pthread_t()
    let named: @Sendable () -> Void = {
      show(name)
      body()
    }
    let box = unsafe Unmanaged.passRetained(Box(named)).toOpaque()
    let code = unsafe pthread_create(&thread, nil, enter, box)
    precondition(code == 0, "the system has no thread to give")
    return thread
  }

  /// Names the calling thread. Only for people: it works as well without.
  private static func show(_ name: String) {
    let file = unsafe open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
    guard file >= 0 else { return }
    let bytes = Array(name.utf8)
    _ = unsafe bytes.withUnsafeBytes { unsafe write(file, $0.baseAddress, $0.count) }
    close(file)
  }

  private final class Box: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }

  private static let enter: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? =
    { argument in
      guard let argument = unsafe argument else { return nil }
      unsafe Unmanaged<Box>.fromOpaque(argument).takeRetainedValue().body()
      return nil
    }
}
