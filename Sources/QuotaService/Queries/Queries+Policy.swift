internal import EventLog
internal import Projections
public import QuotaModel

/// A hold, and who made it.
public struct HoldReading: Sendable {
  public let id: HoldID
  /// What is left of it; of an ended hold only the user.
  public let hold: Hold
  /// How it ended, and the event that ended it; nil while it is open.
  public let end: (how: HoldEnd, at: Position)?
  public let maker: Actor
}

extension Queries {
  /// A hold, open or ended; nil where there was none.
  public func hold(_ id: HoldID) throws(StoreFailure) -> HoldReading? {
    let entry = try reading { (snapshot) throws(ProjectionFailure) in try snapshot.hold(id) }
    guard let entry else { return nil }
    let made = try usingLog(store.log.event(at: id.position))
    return made.map { made in
      HoldReading(
        id: id, hold: entry.hold, end: entry.state.end.map { ($0, entry.state.endedAt) },
        maker: made.actor)
    }
  }

  /// The first moment of a local date such as 2026-11-20; nil where the text is none.
  public func moment(ofDate text: String) throws(StoreFailure) -> Moment? {
    guard let date = try? CalendarDate(text), (1970...9998).contains(date.year) else { return nil }
    return try reading { (snapshot) throws(ProjectionFailure) in
      try store.calendars.rules(of: try snapshot.state().calendar).window(.daily, of: date).start
    }
  }

  /// Changes of limits that are still to come, in their order.
  public func schedules() throws(StoreFailure) -> [(id: ScheduleID, change: ScheduledChange)] {
    try reading { (snapshot) throws(ProjectionFailure) in try snapshot.schedules() }
  }
}
