import LMDB
import QuotaModel

@testable import EventLog

/// The record of one event.
func encoded(_ event: Event) -> [UInt8] {
  var batch = RecordBatch()
  batch.append(event)
  return batch.bytes
}

/// The event in the record that starts `bytes`.
func decoded(_ bytes: [UInt8]) throws(RecordDamage) -> Event {
  try RecordView(checking: bytes.rawBytes).event()
}

/// What is wrong with the record that starts `bytes`; nil where nothing is.
func damage(of bytes: [UInt8]) -> RecordDamage? {
  do {
    _ = try decoded(bytes)
    return nil
  } catch {
    return error
  }
}

/// `record` with `change` made to it, and a checksum that fits again.
func resealed(_ record: [UInt8], _ change: (inout [UInt8]) -> Void) -> [UInt8] {
  var record = Array(record.dropLast(RecordFormat.checksumByteCount))
  change(&record)
  let length = record.count + RecordFormat.checksumByteCount
  record[0] = UInt8(truncatingIfNeeded: length)
  record[1] = UInt8(truncatingIfNeeded: length >> 8)
  record.appendInteger(RecordFormat.checksum(of: record.rawBytes))
  return record
}

extension [UInt8] {
  /// These bytes with one bit turned over.
  func flipping(bit: Int) -> [UInt8] {
    var bytes = self
    bytes[bit / 8] ^= 1 << (bit % 8)
    return bytes
  }
}

extension RawSpan? {
  /// A copy of the bytes, where there are any.
  var copied: [UInt8]? {
    guard let self else { return nil }
    return [UInt8](copying: self)
  }
}
