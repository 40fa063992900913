internal import LMDB

extension Generation {
  /// The first difference between two generations' folded tables, in words; nil where they are equal.
  ///
  /// Both must be folded to the same position and stored.
  public func firstDifference(from other: Generation) throws(ProjectionFailure) -> String? {
    if try state() != other.state() { return "the states differ" }
    return try translating { () throws(LMDBError) in
      let mine = try environment.beginRead()
      let theirs = try other.environment.beginRead()
      for (left, right) in zip(tables.folded, other.tables.folded) {
        let difference = try Self.firstDifference(
          mine.cursor(in: left.table), theirs.cursor(in: right.table))
        if let difference { return "table \(left.name), key \(difference)" }
      }
      return nil
    }
  }

  /// The hexadecimal key at which two tables part.
  private static func firstDifference(
    _ left: consuming Cursor, _ right: consuming Cursor
  ) throws(LMDBError) -> String? {
    while true {
      let mine = try left.next()
      let theirs = try right.next()
      guard let mine else {
        guard let theirs else { return nil }
        return hexadecimal(theirs.key)
      }
      guard let theirs, mine.key.equals(theirs.key), mine.value.equals(theirs.value) else {
        return hexadecimal(mine.key)
      }
    }
  }

  private static func hexadecimal(_ bytes: RawSpan) -> String {
    [UInt8](copying: bytes)
      .map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}
