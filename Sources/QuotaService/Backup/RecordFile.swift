internal import EventLog
internal import Glibc
internal import LMDB
internal import QuotaModel

/// A file of stored records, one behind the other, written and read in pieces.
final class RecordFile {
  private static let pieceByteCount = 1 << 20

  let path: String
  private let descriptor: Int32

  /// Makes the file, or empties it.
  init(writing path: String) throws(StoreFailure) {
    self.path = path
    descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o640)
    guard descriptor >= 0 else { throw .file(path) }
  }

  init(reading path: String) throws(StoreFailure) {
    self.path = path
    descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .file(path) }
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  func append(_ records: [UInt8]) throws(StoreFailure) {
    var offset = 0
    while offset < records.count {
      let count = unsafe records.withUnsafeBytes { (bytes) in
        unsafe write(descriptor, bytes.baseAddress! + offset, bytes.count - offset)
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw .file(path) }
      offset += count
    }
  }

  func sync() throws(StoreFailure) { guard fsync(descriptor) == 0 else { throw .file(path) } }

  /// Shows every record in order, each checked for itself; throws what is wrong with the first that is
  /// not as it was written, by the position that is due.
  func forEachRecord(
    from first: Position, to last: Position,
    _ body: (borrowing RecordView) throws(StoreFailure) -> Void
  ) throws(StoreFailure) {
    var (rest, position) = ([UInt8](), first)
    var piece = [UInt8](repeating: 0, count: Self.pieceByteCount)
    while true {
      let count = try fill(&piece)
      rest.append(contentsOf: piece[..<count])
      let used = try show(rest, from: &position, isLast: count == 0, body)
      if count == 0 { break }
      rest.removeFirst(used)
    }
    guard position == last.next else {
      throw .backupRefused(path: path, "it ends before record \(position) of \(last)")
    }
  }

  /// Shows the whole records of `bytes`; answers how many bytes they are.
  private func show(
    _ bytes: [UInt8], from position: inout Position, isLast: Bool,
    _ body: (borrowing RecordView) throws(StoreFailure) -> Void
  ) throws(StoreFailure) -> Int {
    var offset = 0
    while bytes.count - offset >= 2 {
      let length = Int(bytes[offset]) | Int(bytes[offset + 1]) << 8
      guard length <= bytes.count - offset || isLast else { return offset }
      do throws(RecordDamage) {
        let record = try RecordView(checking: bytes.rawBytes.extracting(offset..<bytes.count))
        guard record.position == position else {
          throw .otherPosition(found: record.position.rawValue)
        }
      } catch {
        throw .backupRefused(path: path, "record \(position): \(error)")
      }
      try body(try view(bytes, offset))
      offset += length
      position = position.next
    }
    guard !isLast || offset == bytes.count else {
      throw .backupRefused(path: path, "record \(position) is cut short")
    }
    return offset
  }

  @_lifetime(borrow bytes)
  private func view(_ bytes: [UInt8], _ offset: Int) throws(StoreFailure) -> RecordView {
    do {
      return try RecordView(checking: bytes.rawBytes.extracting(offset..<bytes.count))
    } catch {
      throw .backupRefused(path: path, error.description)
    }
  }

  private func fill(_ piece: inout [UInt8]) throws(StoreFailure) -> Int {
    while true {
      let count = unsafe piece.withUnsafeMutableBytes { (buffer) in
        unsafe read(descriptor, buffer.baseAddress, buffer.count)
      }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw .file(path) }
      return count
    }
  }
}
