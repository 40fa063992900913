/// Shares of a limit whose crossing is told, in percent, ascending.
public struct Thresholds: Hashable, Sendable {
  public static let range: ClosedRange<UInt8> = 1...200
  public static let maximumCount = 16
  public static let standard = Thresholds(unchecked: [50, 80, 90, 100])
  public static let none = Thresholds(unchecked: [])

  public let percents: [UInt8]

  /// nil where a share lies outside `range`, comes twice, or there are too many. The order is free.
  public init?(_ percents: [UInt8]) {
    guard percents.count <= Self.maximumCount, percents.allSatisfy(Self.range.contains),
      Set(percents).count == percents.count
    else { return nil }
    self.percents = percents.sorted()
  }

  private init(unchecked percents: [UInt8]) { self.percents = percents }
}

/// A share of a limit that was reached for the first time in a window.
public struct ThresholdCrossing: Hashable, Sendable {
  public var user: UserID
  public var period: Period
  public var windowStart: Moment
  public var percent: UInt8
  public var limit: TokenLimit
  public var used: TokenCount

  public init(
    user: UserID, period: Period, windowStart: Moment, percent: UInt8, limit: TokenLimit,
    used: TokenCount
  ) {
    self.user = user
    self.period = period
    self.windowStart = windowStart
    self.percent = percent
    self.limit = limit
    self.used = used
  }
}

extension Account {
  /// The thresholds that a window has reached and that nobody was told of, lowest first; `told` is the
  /// highest that somebody was.
  ///
  /// Each is told once in a window, whatever becomes of the limit or of the usage afterwards.
  public func crossings(
    of thresholds: Thresholds, in window: WindowUsage, _ period: Period, limit: TokenLimit,
    told: UInt8
  ) -> [ThresholdCrossing] {
    guard !limit.isUnlimited else { return [] }
    let reached = thresholds.percents.filter { $0 > told && window.used.reaches($0, of: limit) }
    return reached.map {
      ThresholdCrossing(
        user: user, period: period, windowStart: window.start, percent: $0, limit: limit,
        used: window.used)
    }
  }

  /// Takes into account that a crossing was told. What was told of another window than the latest is kept
  /// apart.
  public mutating func apply(_ crossing: ThresholdCrossing) {
    guard let period = crossing.period.counted, latest[period].start == crossing.windowStart
    else { return }
    told[period] = max(told[period], crossing.percent)
  }
}

extension TokenCount {
  fileprivate func reaches(_ percent: UInt8, of limit: TokenLimit) -> Bool {
    guard self > .zero else { return false }
    return Int128(rawValue) * 100 >= Int128(limit.rawValue) * Int128(percent)
  }
}

extension ThresholdCrossing: Described {
  @inlinable
  public static func describe<Coder: FactCoder & ~Escapable>(
    _ crossing: ThresholdCrossing?, to coder: inout Coder
  ) throws(Coder.Failure) -> ThresholdCrossing {
    ThresholdCrossing(
      user: try coder.member("user", crossing?.user),
      period: try coder.member("period", crossing?.period),
      windowStart: try coder.member("window_start", crossing?.windowStart),
      percent: try coder.member("percent", crossing?.percent),
      limit: try coder.member("limit", crossing?.limit),
      used: try coder.member("used", crossing?.used))
  }
}
