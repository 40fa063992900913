internal import EventLog
internal import Projections
public import QuotaModel

/// What a replay of history needs besides the events themselves.
extension Queries {
  /// The last event that was recorded before `moment`, by position; zero where none was.
  public func position(recordedBefore moment: Moment) throws(StoreFailure) -> Position {
    guard moment.microseconds > .min else { return .zero }
    let latest = Moment(microseconds: moment.microseconds - 1)
    return try usingLog(store.log.lastPosition(recordedBy: latest))
  }

  /// The calendar in force, under which all of history is counted.
  public func calendar() throws(StoreFailure) -> QuotaCalendar {
    try reading { (snapshot) throws(ProjectionFailure) in
      try store.calendars.rules(of: try snapshot.state().calendar)
    }
  }
}
