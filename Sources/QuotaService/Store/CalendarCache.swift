internal import Projections
internal import QuotaModel
internal import Synchronization

/// Calendars that were read from the tz database already; reading one takes a file.
final class CalendarCache: Sendable {
  private let calendars = Mutex<[CalendarSetting: QuotaCalendar]>([:])

  func rules(of setting: CalendarSetting) throws(ProjectionFailure) -> QuotaCalendar {
    if let calendar = calendars.withLock({ $0[setting] }) { return calendar }
    let calendar = try TimeZones.source(setting)
    calendars.withLock { $0[setting] = calendar }
    return calendar
  }
}
