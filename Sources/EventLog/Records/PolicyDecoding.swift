internal import LMDB
internal import QuotaModel

extension RecordReader {
  @_lifetime(self: copy self)
  mutating func changes() throws(RecordDamage) -> [LimitChange] {
    var changes: [LimitChange] = []
    for _ in 0..<(try byte()) {
      changes.append(
        LimitChange(period: try period(), old: try limit(), new: try limit()))
    }
    return changes
  }

  @_lifetime(self: copy self)
  mutating func modeChanges() throws(RecordDamage) -> [ModeChange] {
    var changes: [ModeChange] = []
    for _ in 0..<(try byte()) {
      changes.append(ModeChange(period: try period(), old: try mode(), new: try mode()))
    }
    return changes
  }

  @_lifetime(self: copy self)
  mutating func mode() throws(RecordDamage) -> LimitMode? {
    let tag = try byte()
    if tag == RecordFormat.noMode { return nil }
    guard let mode = LimitMode(rawValue: tag) else { throw .malformed }
    return mode
  }

  @_lifetime(self: copy self)
  mutating func allowance() throws(RecordDamage) -> Allowance {
    Allowance(
      user: try user(), period: try period(), windowStart: try moment(), tokens: try variable())
  }

  @_lifetime(self: copy self)
  mutating func scheduledChange() throws(RecordDamage) -> ScheduledChange {
    let user = try optionalUser()
    let updates = LimitUpdates(
      daily: try limitUpdate(), weekly: try limitUpdate(), monthly: try limitUpdate())
    return ScheduledChange(user: user, updates: updates, effectiveAt: try moment())
  }

  @_lifetime(self: copy self)
  mutating func limitUpdate() throws(RecordDamage) -> LimitUpdate {
    switch try byte() {
    case 0: return .keep
    case 1: return .unset
    case 2:
      guard let limit = try limit() else { throw .malformed }
      return .set(limit)
    default: throw .malformed
    }
  }

  @_lifetime(self: copy self)
  mutating func scheduleEnded() throws(RecordDamage) -> Fact {
    let user = try optionalUser()
    return .scheduleEnded(
      ScheduleID(Position(try word())), user: user, wasApplied: try flag())
  }

  @_lifetime(self: copy self)
  mutating func crossing() throws(RecordDamage) -> ThresholdCrossing {
    let user = try user()
    let period = try period()
    let start = try moment()
    let percent = try byte()
    guard let limit = try limit() else { throw .malformed }
    return ThresholdCrossing(
      user: user, period: period, windowStart: start, percent: percent, limit: limit,
      used: try variable())
  }
}
