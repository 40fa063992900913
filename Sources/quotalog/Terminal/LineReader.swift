internal import Glibc

/// Lines of a file or of standard input, without holding all of it.
final class LineReader {
  private let descriptor: Int32
  private var buffer: [UInt8] = []
  private var start = 0
  private var isAtEnd = false
  /// The number of the line that `next` answered last.
  private(set) var number = 0
  /// Bytes that were read.
  private(set) var byteCount: UInt64 = 0
  /// Bytes in all; nil for a pipe.
  let totalByteCount: UInt64?

  /// The longest line, so that a file without line ends cannot fill the memory.
  static let maximumLineByteCount = 1 << 20

  /// Opens `path`; `-` is standard input.
  init(_ path: String) throws(ExitFailure) {
    if path == "-" {
      descriptor = STDIN_FILENO
    } else {
      descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
      guard descriptor >= 0 else {
        let reason = unsafe String(cString: strerror(errno))
        throw ExitFailure(errno == EACCES ? .noPermission : .noInput, "\(path): \(reason)")
      }
    }
    var status = stat()
    let isFile = unsafe fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    totalByteCount = isFile ? UInt64(status.st_size) : nil
  }

  deinit { if descriptor != STDIN_FILENO { close(descriptor) } }

  /// The next line that is not blank, without its end; nil at the end of the file.
  func next() throws(ExitFailure) -> [UInt8]? {
    while let line = try nextLine() {
      if !line.allSatisfy({ $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }) { return line }
    }
    return nil
  }

  private func nextLine() throws(ExitFailure) -> [UInt8]? {
    var searched = start
    while true {
      if let end = buffer[searched...].firstIndex(of: 0x0A) {
        defer { start = end + 1 }
        number += 1
        return Array(buffer[start..<end])
      }
      searched = buffer.count
      if isAtEnd {
        guard start < buffer.count else { return nil }
        defer { start = buffer.count }
        number += 1
        return Array(buffer[start...])
      }
      guard buffer.count - start < Self.maximumLineByteCount else {
        throw ExitFailure(.badData, "line \(number + 1) is longer than 1 MiB")
      }
      if start > 0 {
        buffer.removeFirst(start)
        searched -= start
        start = 0
      }
      try fill()
    }
  }

  private func fill() throws(ExitFailure) {
    let room = 1 << 18
    let count = buffer.count
    buffer.append(contentsOf: repeatElement(0, count: room))
    let read = unsafe buffer.withUnsafeMutableBytes { (bytes) in
      unsafe Glibc.read(descriptor, bytes.baseAddress! + count, room)
    }
    buffer.removeLast(room - max(0, read))
    guard read >= 0 else {
      throw ExitFailure(.inputOutput, unsafe String(cString: strerror(errno)))
    }
    byteCount += UInt64(read)
    isAtEnd = read == 0
  }
}
