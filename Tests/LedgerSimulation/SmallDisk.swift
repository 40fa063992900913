internal import Foundation
internal import Glibc

/// A file system of a few megabytes in memory, which can be filled up and emptied again.
public final class SmallDisk: Sendable {
  private let directory: TemporaryDirectory

  public var path: String { directory.path }
  private var balloon: String { path + "/balloon" }

  /// Whether this process may mount one; it takes root, and a container that allows it.
  public static let isPermitted = (try? SmallDisk()) != nil

  public init(megabytes: Int = 8) throws {
    directory = try TemporaryDirectory()
    let code = unsafe mount("tmpfs", directory.path, "tmpfs", 0, "size=\(megabytes)m")
    guard code == 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EPERM) }
  }

  deinit { _ = unsafe umount2(directory.path, Int32(MNT_DETACH)) }

  /// Takes all room but `kilobytes`.
  public func fill(leaving kilobytes: Int = 0) {
    let descriptor = unsafe open(balloon, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
    precondition(descriptor >= 0, "the balloon cannot be opened")
    defer { close(descriptor) }
    let block = [UInt8](repeating: 1, count: 4096)
    var size: off_t = 0
    while true {
      let count = unsafe block.withUnsafeBytes {
        unsafe write(descriptor, $0.baseAddress, $0.count)
      }
      if count <= 0 { break }
      size += off_t(count)
    }
    ftruncate(descriptor, max(0, size - off_t(kilobytes * 1024)))
  }

  /// Gives all room back.
  public func makeRoom() { _ = unsafe unlink(balloon) }
}
