/// What a limit does where it leaves no room. Raw values are part of the record format.
public enum LimitMode: UInt8, CaseIterable, Sendable {
  /// Refuses whatever does not fit: with holds, used and held together never pass the limit.
  case hard = 0
  /// Refuses once nothing is left; a last call may pass the limit, whatever it was estimated at.
  case soft = 1
  /// Refuses nothing, and records what `hard` would have refused.
  case shadow = 2

  public var name: String {
    switch self {
    case .hard: "hard"
    case .soft: "soft"
    case .shadow: "shadow"
    }
  }
}

/// The modes of the whole system.
public typealias Modes = PerPeriod<LimitMode>

/// The modes that an account has of its own; nil falls back to the system's default.
public typealias OwnModes = PerPeriod<LimitMode?>

extension PerPeriod where Value == LimitMode {
  /// What a system starts with: the rule of contract chat-quota, section 7.
  public static let hard = Modes(repeating: .hard)
}

extension PerPeriod where Value == LimitMode? {
  public static let none = OwnModes(repeating: nil)

  /// The changes that lead from here to `new`, one for each period that differs.
  public func changes(to new: OwnModes) -> [ModeChange] {
    Period.allCases.compactMap { period in
      self[period] == new[period]
        ? nil : ModeChange(period: period, old: self[period], new: new[period])
    }
  }
}

/// The old and the new mode of one period's limit; nil is "none of its own".
public struct ModeChange: Hashable, Sendable {
  public var period: Period
  public var old: LimitMode?
  public var new: LimitMode?

  public init(period: Period, old: LimitMode?, new: LimitMode?) {
    self.period = period
    self.old = old
    self.new = new
  }
}

extension ModeChange: Described {
  @inlinable
  public static func describe<Coder: FactCoder & ~Escapable>(
    _ change: ModeChange?, to coder: inout Coder
  ) throws(Coder.Failure) -> ModeChange {
    ModeChange(
      period: try coder.member("period", change?.period),
      old: try coder.nullable("old", change.map(\.old)),
      new: try coder.nullable("new", change.map(\.new)))
  }
}
