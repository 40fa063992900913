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
