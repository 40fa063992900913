public import Foundation
public import QuotaModel

extension Moment {
  /// The moment that a text in these tests names.
  public static func at(_ text: String) -> Moment {
    do {
      return try Moment(rfc3339: text)
    } catch {
      preconditionFailure("\(text): \(error)")
    }
  }

  public var foundationDate: Date {
    Date(timeIntervalSince1970: Double(microseconds) / 1_000_000)
  }

  public static func startOfYear(_ year: Int) -> Moment { at("\(year)-01-01T00:00:00Z") }

  public func advanced(bySeconds seconds: Int64) -> Moment {
    Moment(microseconds: microseconds + seconds * 1_000_000)
  }

  public func advanced(byMicroseconds microseconds: Int64) -> Moment {
    Moment(microseconds: self.microseconds + microseconds)
  }
}
