internal import Projections
public import QuotaModel

/// The system's tz database.
public enum TimeZones {
  private static let directory = "/usr/share/zoneinfo/"

  /// The calendar under a setting, with the rules that the tz database has now.
  public static func calendar(_ setting: CalendarSetting) throws(StoreFailure) -> QuotaCalendar {
    QuotaCalendar(zone: try rules(of: setting.zone), weekStart: setting.weekStart)
  }

  /// `calendar` for a fold.
  static func source(_ setting: CalendarSetting) throws(ProjectionFailure) -> QuotaCalendar {
    do {
      return try calendar(setting)
    } catch {
      throw .unknownZone(setting.zone)
    }
  }

  private static func rules(of name: String) throws(StoreFailure) -> TimeZoneRules {
    if name == "UTC" { return .utc }
    guard isPlausible(name), let bytes = try? Files.read(directory + name),
      let rules = try? TimeZoneRules(name: name, tzif: bytes)
    else { throw .unknownZone(name) }
    return rules
  }

  /// Zone names are paths below the database: nothing may lead out of it.
  private static func isPlausible(_ name: String) -> Bool {
    let allowed = name.utf8.allSatisfy { (byte) in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "+"),
        UInt8(ascii: "-"), UInt8(ascii: "/"):
        true
      default: false
      }
    }
    return allowed && (1...64).contains(name.utf8.count) && name.utf8.first != UInt8(ascii: "/")
  }
}
