import QuotaModel
import TestSupport

extension QuotaCalendar {
  /// Whether the window of a moment holds it, belongs to its date and meets its neighbours exactly.
  func tiles(_ period: Period, around moment: Moment) -> Bool {
    let window = window(period, containing: moment)
    let before = self.window(period, containing: window.start.advanced(byMicroseconds: -1))
    let last = self.window(period, containing: window.end.advanced(byMicroseconds: -1))
    let after = self.window(period, containing: window.end)
    return window.period == period && window.contains(moment)
      && window.contains(window.start) && !window.contains(window.end)
      && before.end == window.start && last == window && after.start == window.end
      && self.window(period, of: date(of: moment)) == window
  }
}
