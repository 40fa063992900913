import Foundation
import QuotaModel

/// The time zones that the system's tz database names.
enum ZoneDatabase {
  /// Every zone and link of `tzdata.zi`.
  static let names: [String] = {
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
  static let distinctZones: [TimeZoneRules] = {
    var seen: Set<UInt64> = []
    return names.map { rules($0) }.filter { seen.insert($0.digest).inserted }
  }()

  static func bytes(_ name: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: directory.appending(path: name)))
  }

  static func rules(_ name: String) -> TimeZoneRules {
    do {
      return try TimeZoneRules(name: name, tzif: bytes(name))
    } catch {
      preconditionFailure("the zone \(name) cannot be read: \(error)")
    }
  }

  static func calendar(_ name: String, weekStart: Weekday = .monday) -> QuotaCalendar {
    QuotaCalendar(zone: rules(name), weekStart: weekStart)
  }

  private static let directory = URL(filePath: "/usr/share/zoneinfo")
}

extension TimeZoneRules {
  /// The moments in the years at which the offset changes, as far as a look at every 25 days sees.
  func offsetChanges(inYears years: Range<Int>) -> [Moment] {
    var changes: [Moment] = []
    var before = Moment.startOfYear(years.lowerBound)
    let end = Moment.startOfYear(years.upperBound)
    while before < end {
      let after = before.advanced(bySeconds: 25 * 86_400)
      if offsetSeconds(at: before) != offsetSeconds(at: after) {
        changes.append(offsetChange(between: before, and: after))
      }
      before = after
    }
    return changes
  }

  private func offsetChange(between before: Moment, and after: Moment) -> Moment {
    let offset = offsetSeconds(at: before)
    var (low, high) = (before.microseconds / 1_000_000, after.microseconds / 1_000_000)
    while high - low > 1 {
      let middle = (low + high) / 2
      if offsetSeconds(at: Moment(microseconds: middle * 1_000_000)) == offset {
        low = middle
      } else {
        high = middle
      }
    }
    return Moment(microseconds: high * 1_000_000)
  }
}

extension Moment {
  /// The moment that a text in these tests names.
  static func at(_ text: String) -> Moment {
    do {
      return try Moment(rfc3339: text)
    } catch {
      preconditionFailure("\(text): \(error)")
    }
  }

  var foundationDate: Date {
    Date(timeIntervalSince1970: Double(microseconds) / 1_000_000)
  }

  static func startOfYear(_ year: Int) -> Moment { at("\(year)-01-01T00:00:00Z") }

  func advanced(bySeconds seconds: Int64) -> Moment {
    Moment(microseconds: microseconds + seconds * 1_000_000)
  }

  func advanced(byMicroseconds microseconds: Int64) -> Moment {
    Moment(microseconds: self.microseconds + microseconds)
  }
}
