internal import LMDB
internal import QuotaModel

/// The stored form of one number: tokens used in a window, or where a request was recorded.
enum WordRow {
  static let byteCount = 8

  static func tokens(from row: RawSpan) throws(ProjectionFailure) -> TokenCount {
    guard row.byteCount == byteCount, let tokens = TokenCount(row.integer(at: 0)) else {
      throw .malformedRow(table: "windows")
    }
    return tokens
  }

  static func position(from row: RawSpan) throws(ProjectionFailure) -> Position {
    guard row.byteCount == byteCount else { throw .malformedRow(table: "requests") }
    return Position(row.word(at: 0))
  }
}

/// What a key of the table `hold_expiries` says.
struct ExpiryKey {
  static let byteCount = 16
  let deadline: Moment
  let hold: HoldID

  init(_ key: RawSpan) throws(ProjectionFailure) {
    guard key.byteCount == Self.byteCount else { throw .malformedRow(table: "hold_expiries") }
    deadline = Moment(
      microseconds: Int64(bitPattern: key.word(at: 0).byteSwapped ^ (1 << 63)))
    hold = HoldID(Position(key.word(at: 8).byteSwapped))
  }
}
