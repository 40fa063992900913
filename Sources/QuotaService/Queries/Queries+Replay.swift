internal import EventLog
internal import Projections
public import QuotaModel

/// What a replay of history needs besides the events themselves.
extension Queries {
  /// The last event that was recorded before `moment`, by position; zero where none was.
  public func position(recordedBefore moment: Moment) throws(StoreFailure) -> Position {
    try position(recordedBefore: moment, upTo: try head())
  }

  func position(
    recordedBefore moment: Moment, upTo head: Position
  ) throws(StoreFailure) -> Position {
    var low: UInt64 = 0
    var high = head.rawValue
    while low < high {
      let middle = low + (high - low + 1) / 2
      let event = try usingLog { () throws(LogFailure) in
        try store.log.event(at: Position(middle))
      }
      guard let event else { break }
      if event.recordedAt < moment { low = middle } else { high = middle - 1 }
    }
    return Position(low)
  }

  /// The calendar in force, under which all of history is counted.
  public func calendar() throws(StoreFailure) -> QuotaCalendar {
    try reading { (snapshot) throws(ProjectionFailure) in
      try store.calendars.rules(of: try snapshot.state().calendar)
    }
  }

  /// Changes of what holds for everybody, behind `start` and up to `end`. No index knows them: it costs
  /// reading the head of every record in between.
  public func systemChanges(
    after start: Position, upTo end: Position
  ) throws(StoreFailure) -> [Event] {
    var found: [Event] = []
    var damage: (Position, RecordDamage)?
    try usingLog { () throws(LogFailure) in
      try store.log.scan(.only, after: start) { record in
        guard record.position <= end else { return .stop }
        guard record.kind == .defaultsChanged || record.kind == .modesChanged else {
          return .proceed
        }
        do throws(RecordDamage) {
          let event = try record.event()
          if event.fact.user == nil { found.append(event) }
          return .proceed
        } catch {
          damage = (record.position, error)
          return .stop
        }
      }
    }
    if let damage { throw .log(.damaged(at: damage.0, damage.1)) }
    return found
  }
}
