internal import LMDB
public import QuotaModel

/// The calendar that the folded events named last, under the key `announced`.
///
/// It is stored with the state, so that a generation whose windows were made with another calendar can be
/// told at any time from one that may be used: however its fold ended, and whoever folded.
enum AnnouncedCalendarRow {
  static let key = Array("announced".utf8)

  static func bytes(of setting: CalendarSetting) -> [UInt8] {
    [setting.weekStart.rawValue] + Array(setting.zone.utf8)
  }

  static func setting(from row: RawSpan) throws(ProjectionFailure) -> CalendarSetting {
    guard row.byteCount > 1, let weekStart = Weekday(rawValue: row.byte(at: 0)),
      let zone = unsafe row.extracting(1..<row.byteCount).withUnsafeBytes({
        unsafe String(validating: $0, as: UTF8.self)
      })
    else { throw .malformedRow(table: "meta") }
    return CalendarSetting(zone: zone, weekStart: weekStart)
  }
}

extension Generation {
  /// The calendar that the folded events named last; the default where none named any.
  public func announcedCalendar() throws(ProjectionFailure) -> CalendarSetting {
    let bytes = try translating { () throws(LMDBError) in
      let transaction = try environment.beginRead()
      let key = AnnouncedCalendarRow.key
      guard let row = try transaction.get(key.rawBytes, in: tables.meta) else { return [UInt8]() }
      return [UInt8](copying: row)
    }
    return bytes.isEmpty ? .default : try AnnouncedCalendarRow.setting(from: bytes.rawBytes)
  }
}
