internal import LMDB
public import QuotaModel

/// What a projection says about itself and about the whole system.
public struct ProjectionState: Hashable, Sendable {
  /// The layout and the meaning of the tables; another number starts a rebuild.
  public static let version: UInt32 = 9

  /// The log that it is folded from.
  public var log: UserID
  /// The last event that is folded in.
  public var position = Position.zero
  /// The recorded time of that event.
  public var recordedAt = Moment(microseconds: .min)
  public var accountCount: UInt32 = 0
  public var defaults = SystemPolicy()
  /// The last event that changed a limit or a mode, of anybody.
  public var policy = Position.zero
  /// Whether any spend has been counted, so that the calendar cannot change any more.
  public var hasSpends = false
  public var calendar: CalendarSetting
  /// The fingerprint of the zone's rules that the windows were made with.
  public var zoneDigest: UInt64

  public init(log: UserID, calendar: CalendarSetting, zoneDigest: UInt64) {
    self.log = log
    self.calendar = calendar
    self.zoneDigest = zoneDigest
  }
}

/// The stored form of the state, under the key `state`.
enum StateRow {
  static let key = Array("state".utf8)
  private static let limitsOffset = 40
  private static let digestOffset = limitsOffset + 8 * Period.allCases.count
  private static let policyOffset = digestOffset + 8
  private static let modesOffset = policyOffset + 8
  /// Where the name of the zone begins, behind two bytes.
  private static let zoneOffset = modesOffset + Period.allCases.count + 2

  static func bytes(of state: ProjectionState) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(160)
    bytes.appendInteger(ProjectionState.version)
    bytes.appendInteger(state.accountCount)
    bytes.appendUser(state.log)
    bytes.appendInteger(state.position.rawValue)
    bytes.appendInteger(state.recordedAt.microseconds)
    for period in Period.allCases { bytes.appendInteger(state.defaults.limits[period].rawValue) }
    bytes.appendInteger(state.zoneDigest)
    bytes.appendInteger(state.policy.rawValue)
    for period in Period.allCases { bytes.append(state.defaults.modes[period].rawValue) }
    bytes.append(state.hasSpends ? 1 : 0)
    bytes.append(state.calendar.weekStart.rawValue)
    bytes.append(contentsOf: state.calendar.zone.utf8)
    return bytes
  }

  /// nil where another version of the projection wrote it.
  static func state(from row: RawSpan) -> ProjectionState? {
    guard row.byteCount > zoneOffset, row.halfWord(at: 0) == ProjectionState.version,
      let weekStart = Weekday(rawValue: row.byte(at: zoneOffset - 1)),
      let zone = unsafe row.extracting(zoneOffset..<row.byteCount).withUnsafeBytes({
        unsafe String(validating: $0, as: UTF8.self)
      })
    else { return nil }
    var state = ProjectionState(
      log: row.user(at: 8), calendar: CalendarSetting(zone: zone, weekStart: weekStart),
      zoneDigest: row.word(at: digestOffset))
    state.accountCount = row.halfWord(at: 4)
    state.position = Position(row.word(at: 24))
    state.recordedAt = row.moment(at: 32)
    for period in Period.allCases {
      guard let limit = TokenLimit(row.integer(at: limitsOffset + 8 * Int(period.rawValue))),
        let mode = LimitMode(rawValue: row.byte(at: modesOffset + Int(period.rawValue)))
      else { return nil }
      state.defaults.limits[period] = limit
      state.defaults.modes[period] = mode
    }
    state.policy = Position(row.word(at: policyOffset))
    state.hasSpends = row.byte(at: zoneOffset - 2) == 1
    return state
  }
}
