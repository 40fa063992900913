internal import LMDB
internal import QuotaModel

/// The stored form of an account as it was after one of its events: its row, and its allowances where it
/// has any.
enum SnapshotRow {
  static func bytes(of entry: AccountEntry, _ allowances: Allowances?) -> [UInt8] {
    var row = entry
    // Which events came last is no part of the state.
    row.recent.removeAll()
    var bytes = Array(copying: AccountRow.bytes(of: row).rawBytes)
    if let allowances { bytes += AllowancesRow.bytes(of: allowances) }
    return bytes
  }

  static func state(
    of user: UserID, from row: RawSpan
  ) throws(ProjectionFailure) -> (account: Account, allowances: Allowances) {
    guard row.byteCount >= AccountRow.byteCount else {
      throw .malformedRow(table: "snapshots")
    }
    let account = try AccountRow.entry(
      of: user, from: row.extracting(0..<AccountRow.byteCount)
    ).account
    guard row.byteCount > AccountRow.byteCount else { return (account, .none) }
    let rest = row.extracting(AccountRow.byteCount..<row.byteCount)
    return (account, try AllowancesRow.allowances(from: rest))
  }
}

extension HistoryBlock {
  /// Whether the account is kept as it is after the block: after every 128th one in the mean, which makes
  /// it every 1,024th event. A hash of the position decides, so that nothing has to be counted and every
  /// fold of the log keeps the same ones.
  var isFollowedBySnapshot: Bool {
    (positions[HistoryBlock.count - 1] &* 0x9E37_79B9_7F4A_7C15) >> 57 == 0
  }

  private static var count: Int { RecentPositions.capacity }
}

/// The stored form of what holds for everybody: limits, modes, calendar.
enum SystemRow {
  private static let zoneOffset = 28

  static func bytes(of system: SystemState) -> [UInt8] {
    var bytes: [UInt8] = []
    for period in Period.allCases { bytes.appendInteger(system.policy.limits[period].rawValue) }
    for period in Period.allCases { bytes.append(system.policy.modes[period].rawValue) }
    bytes.append(system.calendar.weekStart.rawValue)
    bytes.append(contentsOf: system.calendar.zone.utf8)
    return bytes
  }

  static func system(from row: RawSpan) throws(ProjectionFailure) -> SystemState {
    guard row.byteCount > zoneOffset,
      let weekStart = Weekday(rawValue: row.byte(at: zoneOffset - 1)),
      let zone = unsafe row.extracting(zoneOffset..<row.byteCount).withUnsafeBytes({
        unsafe String(validating: $0, as: UTF8.self)
      })
    else { throw .malformedRow(table: "system_events") }
    var system = SystemState(calendar: CalendarSetting(zone: zone, weekStart: weekStart))
    for period in Period.allCases {
      guard let limit = TokenLimit(row.integer(at: 8 * Int(period.rawValue))),
        let mode = LimitMode(rawValue: row.byte(at: 24 + Int(period.rawValue)))
      else { throw .malformedRow(table: "system_events") }
      system.policy.limits[period] = limit
      system.policy.modes[period] = mode
    }
    return system
  }
}
