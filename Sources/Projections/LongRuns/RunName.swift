internal import QuotaModel

/// Which events the rows of a run come from, and how often they were merged.
///
/// It is the name of the run's file: `run-<level>-<first position>-<last position>`.
struct RunName: Hashable, Sendable {
  let level: Int
  let first: Position
  let last: Position

  init(level: Int, first: Position, last: Position) {
    self.level = level
    self.first = first
    self.last = last
  }

  /// nil where the file is something else.
  init?(_ text: String) {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
    guard parts.count == 4, parts[0] == "run", let level = Int(parts[1]),
      let first = UInt64(parts[2]), let last = UInt64(parts[3]), first <= last
    else { return nil }
    self.init(level: level, first: Position(first), last: Position(last))
  }

  var text: String { "run-\(level)-\(first.rawValue)-\(last.rawValue)" }

  /// Whether the other run's rows are all in this one.
  func covers(_ other: RunName) -> Bool {
    self != other && first <= other.first && other.last <= last
  }
}
