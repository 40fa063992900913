internal import Glibc
internal import LMDB

/// An open file beside the tables; closed when nobody has it any more.
final class RunFile: Sendable {
  private let path: String
  private let descriptor: Int32

  init(_ path: String, _ flags: Int32) throws(ProjectionFailure) {
    self.path = path
    descriptor = unsafe open(path, flags, 0o640)
    guard descriptor >= 0 else { throw ProjectionFailure(systemCode: errno, path: path) }
  }

  deinit { close(descriptor) }

  func byteCount() throws(ProjectionFailure) -> Int {
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0 else { throw failure }
    return Int(status.st_size)
  }

  func write(_ bytes: [UInt8], at offset: Int) throws(ProjectionFailure) {
    var done = 0
    while done < bytes.count {
      let count = unsafe bytes.withUnsafeBytes {
        unsafe pwrite(
          descriptor, $0.baseAddress! + done, $0.count - done, off_t(offset + done))
      }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw failure }
      done += count
    }
  }

  /// Reads as much as fits into the rest of `bytes` from `start` on; answers how much there was.
  func read(into bytes: inout [UInt8], from start: Int, at offset: Int) throws(ProjectionFailure)
    -> Int
  {
    while true {
      let count = unsafe bytes.withUnsafeMutableBytes {
        unsafe pread(descriptor, $0.baseAddress! + start, $0.count - start, off_t(offset))
      }
      if count >= 0 { return count }
      guard errno == EINTR else { throw failure }
    }
  }

  /// Waits until the disk has the content.
  func sync() throws(ProjectionFailure) {
    guard fsync(descriptor) == 0 else { throw failure }
  }

  func rename(to other: String) throws(ProjectionFailure) {
    guard unsafe Glibc.rename(path, other) == 0 else { throw failure }
  }

  private var failure: ProjectionFailure { ProjectionFailure(systemCode: errno, path: path) }
}

/// The files of a directory that runs are in.
enum RunDirectory {
  static func names(in path: String) throws(ProjectionFailure) -> [String] {
    guard let directory = unsafe opendir(path) else {
      throw ProjectionFailure(systemCode: errno, path: path)
    }
    defer { unsafe closedir(directory) }
    var names: [String] = []
    while let entry = unsafe readdir(directory) {
      names.append(
        unsafe withUnsafeBytes(of: &entry.pointee.d_name) { (bytes) in
          unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        })
    }
    return names
  }

  /// Waits until the disk has the names.
  static func sync(_ path: String) throws(ProjectionFailure) {
    try RunFile(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC).sync()
  }

  static func remove(_ path: String) throws(ProjectionFailure) {
    guard unsafe unlink(path) == 0 || errno == ENOENT else {
      throw ProjectionFailure(systemCode: errno, path: path)
    }
  }
}

extension ProjectionFailure {
  init(systemCode code: Int32, path: String) {
    self =
      switch code {
      case ENOSPC, EDQUOT: .diskFull
      case EIO: .inputOutput
      case EACCES, EPERM, EROFS: .permissionDenied(path: path)
      case ENOENT: .missing(path: path)
      default: .other(unsafe "\(path): \(String(cString: strerror(code)))")
      }
  }
}
