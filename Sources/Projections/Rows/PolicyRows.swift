internal import LMDB
internal import QuotaModel

/// The stored form of an account's allowances: for each period the window's start and the tokens.
enum AllowancesRow {
  static let byteCount = 16 * Period.allCases.count

  static func bytes(of allowances: Allowances) -> [UInt8] {
    var bytes: [UInt8] = []
    for period in Period.allCases {
      bytes.appendInteger(allowances.latest[period].start.microseconds)
      bytes.appendInteger(allowances.latest[period].used.rawValue)
    }
    return bytes
  }

  static func allowances(from row: RawSpan) throws(ProjectionFailure) -> Allowances {
    guard row.byteCount == byteCount else { throw .malformedRow(table: "allowances") }
    var allowances = Allowances.none
    for period in Period.allCases {
      let offset = 16 * Int(period.rawValue)
      allowances.latest[period] = WindowUsage(
        start: row.moment(at: offset), used: try row.tokens(at: offset + 8))
    }
    return allowances
  }
}

/// The stored form of a scheduled change, under its deadline and its position.
enum ScheduleRow {
  private static let updatesOffset = 17
  static let byteCount = updatesOffset + 9 * Period.allCases.count
  private enum Tag { static let keep: UInt8 = 0, unset: UInt8 = 1, set: UInt8 = 2 }

  static func bytes(of change: ScheduledChange) -> [UInt8] {
    var bytes: [UInt8] = [change.user == nil ? 0 : 1]
    bytes.appendUser(change.user ?? UserID(high: 0, low: 0))
    for period in Period.allCases {
      switch change.updates[period] {
      case .keep: bytes.append(Tag.keep)
      case .unset: bytes.append(Tag.unset)
      case .set: bytes.append(Tag.set)
      }
      if case .set(let limit) = change.updates[period] {
        bytes.appendInteger(limit.rawValue)
      } else {
        bytes.appendInteger(Int64(0))
      }
    }
    return bytes
  }

  static func change(
    from row: RawSpan, effectiveAt: Moment
  ) throws(ProjectionFailure) -> ScheduledChange {
    guard row.byteCount == byteCount, row.byte(at: 0) <= 1 else {
      throw .malformedRow(table: "schedules")
    }
    let updates = try LimitUpdates { (period) throws(ProjectionFailure) in
      let offset = updatesOffset + 9 * Int(period.rawValue)
      switch (row.byte(at: offset), TokenLimit(row.integer(at: offset + 1))) {
      case (Tag.keep, _): return .keep
      case (Tag.unset, _): return .unset
      case (Tag.set, let limit?): return .set(limit)
      default: throw .malformedRow(table: "schedules")
      }
    }
    return ScheduledChange(
      user: row.byte(at: 0) == 1 ? row.user(at: 1) : nil, updates: updates,
      effectiveAt: effectiveAt)
  }
}
