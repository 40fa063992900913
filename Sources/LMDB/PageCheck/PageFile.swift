internal import Glibc

/// A data file as bytes. It is read and not mapped, so that a file that shrinks and a disk that
/// fails are errors, not signals.
///
/// Written to is only what no transaction can see.
final class PageFile {
  let descriptor: Int32

  init(path: String, isWritable: Bool = false) throws(PageCheckFailure) {
    descriptor = unsafe open(path, (isWritable ? O_RDWR : O_RDONLY) | O_CLOEXEC)
    guard descriptor >= 0 else { throw .unreadable(LMDBError(code: errno)) }
    // Pages are mostly read in the order in which they lie.
    posix_fadvise(descriptor, 0, 0, POSIX_FADV_SEQUENTIAL)
  }

  deinit { close(descriptor) }

  func byteCount() throws(PageCheckFailure) -> UInt64 {
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0 else {
      throw .unreadable(LMDBError(code: errno))
    }
    return UInt64(status.st_size)
  }

  /// The bytes from `offset` on; fewer than `count` where the file ends.
  func bytes(at offset: UInt64, count: Int) throws(PageCheckFailure) -> [UInt8] {
    var code: Int32 = 0
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { (buffer, filled) in
      while filled < count {
        let read = unsafe pread(
          descriptor, buffer.baseAddress?.advanced(by: filled), count - filled,
          off_t(offset) + off_t(filled))
        if read < 0 && errno == EINTR { continue }
        if read < 0 { code = errno }
        if read <= 0 { return }
        filled += read
      }
    }
    guard code == 0 else { throw .unreadable(LMDBError(code: code)) }
    return bytes
  }
}
