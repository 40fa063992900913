import Glibc

/// The `Date` field, written anew once a second.
struct DateLine {
  private static let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
  private static let months = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
  ]

  private var second = -1
  private var line: [UInt8] = []

  mutating func append(to output: inout [UInt8]) {
    var now = timespec()
    // The coarse clock is good for some milliseconds and costs a few nanoseconds.
    _ = unsafe clock_gettime(CLOCK_REALTIME_COARSE, &now)
    if now.tv_sec != second {
      second = now.tv_sec
      line = Self.line(second: second)
    }
    output.append(contentsOf: line)
  }

  /// The field for a moment in seconds since 1970, its line end included (RFC 9110, section 5.6.7).
  static func line(second: Int) -> [UInt8] {
    var second = second
    var parts = unsafe tm()
    _ = unsafe gmtime_r(&second, &parts)
    var line = Array("Date: ".utf8)
    line.appendText(days[Int(unsafe parts.tm_wday)] + ", ")
    line.appendDecimal(Int(unsafe parts.tm_mday), width: 2)
    line.appendText(" " + months[Int(unsafe parts.tm_mon)] + " ")
    line.appendDecimal(Int(unsafe parts.tm_year) + 1900, width: 4)
    let time = unsafe [(" ", parts.tm_hour), (":", parts.tm_min), (":", parts.tm_sec)]
    for (separator, part) in time {
      line.appendText(separator)
      line.appendDecimal(Int(part), width: 2)
    }
    line.appendText(" GMT\r\n")
    return line
  }
}
