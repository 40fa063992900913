import QuotaModel
import TestSupport

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
