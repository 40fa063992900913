internal import Foundation
public import QuotaModel

/// The time zones that the system's tz database names.
public enum ZoneDatabase {
  /// Every zone and link of `tzdata.zi`.
  public static let names: [String] = {
    do {
      let text = try String(contentsOf: directory.appending(path: "tzdata.zi"), encoding: .utf8)
      return text.split(separator: "\n").compactMap { line in
        let words = line.split(separator: " ")
        return switch words.first {
        case "Z": String(words[1])
        case "L": String(words[2])
        default: nil
        }
      }
    } catch {
      preconditionFailure("these tests need the package tzdata: \(error)")
    }
  }()

  /// The zones that differ from one another, each under its first name.
  public static let distinctZones: [TimeZoneRules] = {
    var seen: Set<UInt64> = []
    return names.map { rules($0) }.filter { seen.insert($0.digest).inserted }
  }()

  public static func bytes(_ name: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: directory.appending(path: name)))
  }

  public static func rules(_ name: String) -> TimeZoneRules {
    do {
      return try TimeZoneRules(name: name, tzif: bytes(name))
    } catch {
      preconditionFailure("the zone \(name) cannot be read: \(error)")
    }
  }

  public static func calendar(_ name: String, weekStart: Weekday = .monday) -> QuotaCalendar {
    QuotaCalendar(zone: rules(name), weekStart: weekStart)
  }

  private static let directory = URL(filePath: "/usr/share/zoneinfo")
}
