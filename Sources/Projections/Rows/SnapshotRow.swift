internal import LMDB
internal import QuotaModel

/// The stored form of an account as it was after one of its events: its row with its length before it; the
/// number of months, and what each held, of the year that its latest one is in, where somebody asks for years; its
/// allowances where it has any.
enum SnapshotRow {
  static func bytes(
    of entry: AccountEntry, months: [WindowUsage], _ allowances: Allowances?
  ) -> [UInt8] {
    var row = entry
    // Which events came last is no part of the state.
    row.recent.removeAll()
    let further = FurtherLimits.bytes(of: entry.account)
    var bytes = [UInt8(AccountRow.byteCount + further.count)]
    bytes += Array(copying: AccountRow.bytes(of: row).rawBytes) + further
    bytes.append(UInt8(months.count))
    for month in months {
      bytes.appendInteger(month.start.microseconds)
      bytes.appendInteger(month.used.rawValue)
    }
    return bytes + (allowances.map(AllowancesRow.bytes) ?? [])
  }

  static func state(
    of user: UserID, from row: RawSpan
  ) throws(ProjectionFailure) -> (account: Account, months: [WindowUsage], allowances: Allowances) {
    var rest = Rest(row: row)
    let account = try AccountRow.entry(of: user, from: try rest.next(Int(try rest.byte()))).account
    var months: [WindowUsage] = []
    for _ in 0..<(try rest.byte()) {
      let month = try rest.next(16)
      months.append(WindowUsage(start: month.moment(at: 0), used: try month.tokens(at: 8)))
    }
    let allowances = rest.isEmpty ? .none : try AllowancesRow.allowances(from: rest.all())
    return (account, months, allowances)
  }

  /// What has not been read yet.
  private struct Rest: ~Escapable {
    let row: RawSpan
    private var offset = 0

    @_lifetime(copy row)
    init(row: RawSpan) { self.row = row }

    var isEmpty: Bool { offset == row.byteCount }

    @_lifetime(copy self)
    mutating func next(_ count: Int) throws(ProjectionFailure) -> RawSpan {
      guard count <= row.byteCount - offset else { throw .malformedRow(table: "snapshots") }
      defer { offset += count }
      return row.extracting(offset..<offset + count)
    }

    @_lifetime(self: copy self)
    mutating func byte() throws(ProjectionFailure) -> UInt8 { try next(1).byte(at: 0) }

    @_lifetime(copy self)
    func all() -> RawSpan { row.extracting(offset..<row.byteCount) }
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
  private static let modesOffset = 8 * Period.allCases.count
  private static let zoneOffset = modesOffset + Period.allCases.count + 1

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
        let mode = LimitMode(rawValue: row.byte(at: modesOffset + Int(period.rawValue)))
      else { throw .malformedRow(table: "system_events") }
      system.policy.limits[period] = limit
      system.policy.modes[period] = mode
    }
    return system
  }
}
