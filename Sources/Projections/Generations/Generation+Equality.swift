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
      for folded in FoldedTable.allCases {
        let (left, right) = (folded.table(of: tables), folded.table(of: other.tables))
        let count = try mine.count(of: left)
        guard try theirs.count(of: right) == count else { return false }
        let areEqual = try Self.areEqual(
          mine.cursor(in: left), theirs.cursor(in: right), in: half, of: count)
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
}
