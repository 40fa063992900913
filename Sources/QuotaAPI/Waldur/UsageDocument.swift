internal import JSON
internal import QuotaModel
internal import QuotaService

extension JSONWriter {
  /// The 15 members of contract chat-quota, section 3, in their order.
  mutating func usageDocument(_ reading: UsageReading) {
    beginObject()
    write(
      .daily, reading, "daily_limit", "daily_usage", "daily_remaining", "daily_reset_at",
      "daily_system_default")
    write(
      .weekly, reading, "weekly_limit", "weekly_usage", "weekly_remaining", "weekly_reset_at",
      "weekly_system_default")
    write(
      .monthly, reading, "monthly_limit", "monthly_usage", "monthly_remaining",
      "monthly_reset_at", "monthly_system_default")
    endObject()
  }

  private mutating func write(
    _ period: Period, _ reading: UsageReading, _ limit: StaticString, _ usage: StaticString,
    _ remaining: StaticString, _ resetAt: StaticString, _ systemDefault: StaticString
  ) {
    let used = reading.used[period]
    member(limit, optional: reading.account.ownLimits[period]?.rawValue)
    member(usage, used.rawValue)
    member(remaining, optional: reading.limits[period].remaining(after: used)?.rawValue)
    name(resetAt)
    string(utf8: reading.calendar.bytes(of: reading.windows[period].end))
    member(systemDefault, reading.defaults.limits[period].rawValue)
  }
}

extension QuotaCalendar {
  /// `YYYY-MM-DDTHH:MM:SS+HH:MM` in the calendar's zone.
  fileprivate func bytes(of moment: Moment) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(25)
    write(moment, into: &bytes)
    return bytes
  }
}
