internal import LMDB

/// The rows of each table up to its middle, or those behind it.
public enum ComparedHalf: Sendable {
  case first
  case second
}

extension Generation {
  /// Whether half of the rows of two generations' folded tables are the same; so that two threads can
  /// look at them.
  ///
  /// Both must be folded to the same position and stored.
  public func equals(
    _ other: Generation, in half: ComparedHalf
  ) throws(ProjectionFailure) -> Bool {
    guard try state() == other.state() else { return false }
    return try translating { () throws(LMDBError) in
      let mine = try environment.beginRead()
      let theirs = try other.environment.beginRead()
      for (left, right) in zip(tables.folded, other.tables.folded) {
        let count = try mine.count(of: left.table)
        guard try theirs.count(of: right.table) == count else { return false }
        let areEqual = try Self.areEqual(
          mine.cursor(in: left.table), theirs.cursor(in: right.table), in: half, of: count)
        if !areEqual { return false }
      }
      return true
    }
  }

  /// Compares the second half from its end, which needs no search for the middle.
  private static func areEqual(
    _ left: consuming Cursor, _ right: consuming Cursor, in half: ComparedHalf, of count: Int
  ) throws(LMDBError) -> Bool {
    let isFirst = half == .first
    for _ in 0..<(isFirst ? count - count / 2 : count / 2) {
      guard let mine = try isFirst ? left.next() : left.previous(),
        let theirs = try isFirst ? right.next() : right.previous(),
        mine.key.equals(theirs.key), mine.value.equals(theirs.value)
      else { return false }
    }
    return true
  }

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
