import CLibevent
import Glibc

/// The path of a unix domain socket, as the system wants it.
struct UnixAddress {
  /// The system's array less the zero byte at its end.
  static let maximumPathBytes = MemoryLayout.size(ofValue: sockaddr_un().sun_path) - 1

  /// What the kernel keeps of connections that nobody has accepted yet.
  private static let backlog: Int32 = 1024

  private let path: String
  private let directory: DirectoryHandle?
  private var storage = sockaddr_un()

  /// A longer path is named through an open descriptor of its directory.
  init(path: String) throws(UnixSocketFailure) {
    var bytes = Array(path.utf8)
    directory = bytes.count > Self.maximumPathBytes ? try DirectoryHandle(holding: path) : nil
    if let directory { bytes = Array(directory.shortPath.utf8) }
    guard bytes.count <= Self.maximumPathBytes else {
      throw .pathTooLong(limit: Self.maximumPathBytes)
    }
    self.path = path
    storage.sun_family = sa_family_t(AF_UNIX)
    unsafe withUnsafeMutableBytes(of: &storage.sun_path) { unsafe $0.copyBytes(from: bytes) }
  }

  /// A connection to whoever listens there.
  func connect() throws(UnixSocketFailure) -> Socket {
    let socket = try Self.makeSocket(isBlocking: true)
    let descriptor = socket.descriptor
    var result: Int32
    repeat { result = unsafe call(Glibc.connect, descriptor) } while result != 0 && errno == EINTR
    guard result == 0 else { throw UnixSocketFailure("connect") }
    guard fcntl(descriptor, F_SETFL, O_NONBLOCK) == 0 else { throw UnixSocketFailure("fcntl") }
    return socket
  }

  /// A socket that listens there, for this user alone.
  ///
  /// A socket file that a dead process has left is removed first. Two processes that find one at the
  /// same moment could remove each other's: whoever listens holds some lock of its own.
  func listen() throws(UnixSocketFailure) -> Socket {
    let socket = try Self.makeSocket(isBlocking: false)
    // The file gets the socket's own mode, so that there is no moment at which it is open to others.
    guard fchmod(socket.descriptor, 0o600) == 0 else { throw UnixSocketFailure("fchmod") }
    if unsafe call(Glibc.bind, socket.descriptor) != 0 {
      guard errno == EADDRINUSE else { throw UnixSocketFailure("bind") }
      try removeStaleFile()
      guard unsafe call(Glibc.bind, socket.descriptor) == 0 else { throw UnixSocketFailure("bind") }
    }
    guard Glibc.listen(socket.descriptor, Self.backlog) == 0 else {
      throw UnixSocketFailure("listen")
    }
    return socket
  }

  /// Removes the file there if it is a socket and nobody listens on it.
  private func removeStaleFile() throws(UnixSocketFailure) {
    guard let file = FileIdentity(path: path) else { return }
    guard file.isSocket else { throw .notASocket }
    // Without blocking: a listener that is merely busy must not hold us up.
    let probe = try Self.makeSocket(isBlocking: false)
    guard unsafe call(Glibc.connect, probe.descriptor) != 0, errno == ECONNREFUSED else {
      throw .inUse
    }
    guard unsafe unlink(path) == 0 || errno == ENOENT else { throw UnixSocketFailure("unlink") }
  }

  private func call(
    _ function: (Int32, UnsafePointer<sockaddr>?, socklen_t) -> Int32, _ descriptor: Int32
  ) -> Int32 {
    unsafe withUnsafeBytes(of: storage) { bytes in
      let address = unsafe bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self)
      return unsafe function(descriptor, address, socklen_t(bytes.count))
    }
  }

  private static func makeSocket(isBlocking: Bool) throws(UnixSocketFailure) -> Socket {
    let flags = SOCK_CLOEXEC.rawValue | (isBlocking ? 0 : SOCK_NONBLOCK.rawValue)
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | flags), 0)
    guard descriptor >= 0 else { throw UnixSocketFailure("socket") }
    return Socket(descriptor)
  }
}

/// An open directory, and the short name that the kernel has for a file in it.
private final class DirectoryHandle {
  let shortPath: String
  private let descriptor: Int32

  init(holding path: String) throws(UnixSocketFailure) {
    let slash = path.lastIndex(of: "/") ?? path.startIndex
    descriptor = unsafe open(String(path[..<slash]), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw UnixSocketFailure("open") }
    shortPath = "/proc/self/fd/\(descriptor)" + path[slash...]
  }

  deinit { close(descriptor) }
}

/// Which file lies at a path.
struct FileIdentity: Equatable {
  private let device: dev_t
  private let number: ino_t
  let isSocket: Bool

  static func == (first: FileIdentity, second: FileIdentity) -> Bool {
    first.device == second.device && first.number == second.number
  }

  /// Nil where there is none.
  init?(path: String) {
    var status = stat()
    guard unsafe lstat(path, &status) == 0 else { return nil }
    device = status.st_dev
    number = status.st_ino
    isSocket = status.st_mode & S_IFMT == S_IFSOCK
  }
}

/// The file of a listening socket; it goes when its owner lets go of it.
final class SocketFile {
  private let path: String
  private let identity: FileIdentity?

  /// The file that has just been made at `path`.
  init(path: String) {
    self.path = path
    identity = FileIdentity(path: path)
  }

  deinit {
    // Somebody else may have put another there since.
    if let identity, FileIdentity(path: path) == identity { unsafe unlink(path) }
  }
}
