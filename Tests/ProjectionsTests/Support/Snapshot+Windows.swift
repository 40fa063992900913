import Projections
import QuotaModel

extension Snapshot {
  /// What an account used in a window, which may be the sum of others.
  func used(
    by entry: AccountEntry, in window: Window, of calendar: QuotaCalendar
  ) throws(ProjectionFailure) -> TokenCount {
    try calendar.countedParts(of: window).total { (part) throws(ProjectionFailure) in
      try used(by: entry, in: part)
    }
  }
}
