extension QuotaCalendar {
  /// The moment as clocks in the zone show it, with the offset in force then and without a
  /// fraction, such as `2026-10-26T00:00:00+02:00`; UTC is written `+00:00`.
  ///
  /// RFC 3339 offsets have no seconds. Where the zone's offset has some (Africa/Monrovia until
  /// 1972), offset and time are both written for the nearest whole minute towards UTC, so that the
  /// text still names the same moment.
  public func text(of moment: Moment) -> String {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(25)
    write(moment, into: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Appends ``text(of:)`` as ASCII bytes: 25 of them up to the year 9999.
  public func write(_ moment: Moment, into bytes: inout [UInt8]) {
    let offsetMinutes = Int64(zone.offsetSeconds(at: moment) / 60)
    bytes.appendLocalTime(ofSecond: moment.seconds + offsetMinutes * 60)
    bytes.append(UInt8(ascii: offsetMinutes < 0 ? "-" : "+"))
    bytes.appendDigits(abs(offsetMinutes) / 60, count: 2)
    bytes.append(UInt8(ascii: ":"))
    bytes.appendDigits(abs(offsetMinutes) % 60, count: 2)
  }
}
