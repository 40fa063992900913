internal import QuotaModel
internal import QuotaService

/// How far a long work has come, with its rate and the time left; only on a terminal.
final class ProgressBar {
  private let title: String
  private let start = System.clock()
  /// What was done before, by another process.
  private var doneBefore: UInt64?
  private var lastShown = Moment(microseconds: 0)
  private let isShown = Terminal.isErrorInteractive

  init(_ title: String) { self.title = title }

  func show(_ done: UInt64, of total: UInt64) {
    guard isShown else { return }
    if doneBefore == nil { doneBefore = done }
    let before = min(doneBefore ?? 0, done)
    let now = System.clock()
    guard done == total || now.microseconds - lastShown.microseconds > 100_000 else { return }
    lastShown = now
    let seconds = Double(max(1, now.microseconds - start.microseconds)) / 1e6
    let rate = Double(done - before) / seconds
    let share = total == 0 ? 1 : Double(done) / Double(total)
    let filled = Int(share * 30)
    let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: 30 - filled)
    let left = rate > 0 ? Int((Double(total) - Double(done)) / rate) : 0
    Terminal.note(
      "\r\(title) \(bar) \(Int(share * 100)) %  \(grouped(done))"
        + "  \(grouped(UInt64(rate)))/s  \(left / 60):\(left % 60 < 10 ? "0" : "")\(left % 60) left "
    )
  }

  func end() {
    if isShown { Terminal.note("\r\u{1B}[K") }
  }
}

/// A number with spaces between groups of three digits.
func grouped(_ number: some FixedWidthInteger) -> String {
  let digits = String(number)
  var text = ""
  for (index, digit) in digits.enumerated() {
    let rest = digits.count - index
    if index > 0 && rest % 3 == 0
      && digits[digits.index(before: digits.index(digits.startIndex, offsetBy: index))] != "-"
    {
      text += "\u{202F}"
    }
    text.append(digit)
  }
  return text
}
