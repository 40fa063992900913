internal import QuotaModel
internal import QuotaService

/// One end of a stretch of history: a position, or a moment at which something was recorded.
enum HistoryEnd {
  case position(Position)
  case moment(Moment)
  /// A day of the store's calendar.
  case day(Window)

  init?(_ name: String, _ arguments: Arguments, _ queries: Queries) throws(ExitFailure) {
    guard let text = try arguments.value(name) else { return nil }
    if !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) {
      guard let number = Int64(text) else {
        throw .usage("--\(name) must be a position up to \(Int64.max), not \(text)")
      }
      self = .position(Position(UInt64(number)))
    } else if let date = try? CalendarDate(text), (1970...9998).contains(date.year) {
      let calendar = try usingStore { () throws(StoreFailure) in try queries.calendar() }
      self = .day(calendar.window(.daily, of: date))
    } else if let moment = try? Moment(rfc3339: text) {
      self = .moment(moment)
    } else {
      throw .usage(
        "--\(name) must be a position like 42, a date like 2026-11-20 or a time like "
          + "2026-11-20T08:00:00Z, not \(text)")
    }
  }

  /// The position before the first event that lies within, this being the beginning.
  func start(_ queries: Queries) throws(ExitFailure) -> Position {
    switch self {
    case .position(let position): Position(max(position.rawValue, 1) - 1)
    case .moment(let moment): try Self.last(before: moment, queries)
    case .day(let day): try Self.last(before: day.start, queries)
    }
  }

  /// The last position that lies within, this being the end.
  func end(_ queries: Queries) throws(ExitFailure) -> Position {
    switch self {
    case .position(let position): position
    case .moment(let moment):
      try Self.last(before: Moment(microseconds: moment.microseconds + 1), queries)
    case .day(let day): try Self.last(before: day.end, queries)
    }
  }

  private static func last(
    before moment: Moment, _ queries: Queries
  ) throws(ExitFailure) -> Position {
    try usingStore { () throws(StoreFailure) in try queries.position(recordedBefore: moment) }
  }
}
