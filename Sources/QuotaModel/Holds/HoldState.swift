/// A hold, open or ended: a pure fold of its events.
public struct HoldState: Hashable, Sendable {
  /// What is left of it.
  public var hold: Hold
  /// When its time to live began, by the clock of then.
  public var startedAt: Moment
  /// nil while it is open.
  public var end: HoldEnd?
  /// The event that ended it.
  public var endedAt: Position

  public init(
    _ hold: Hold, startedAt: Moment, end: HoldEnd? = nil, endedAt: Position = .zero
  ) {
    self.hold = hold
    self.startedAt = startedAt
    self.end = end
    self.endedAt = endedAt
  }

  public var isOpen: Bool { end == nil }
}

/// What may become of a hold.
public enum HoldChange: Hashable, Sendable {
  case made(Hold)
  /// A part was used; the rest stays held.
  case drawn(Settlement)
  /// It expires at another moment.
  case extended(Moment)
  case settled(Settlement)
  case voided
  case expired

  /// What was really used.
  public var settlement: Settlement? {
    switch self {
    case .drawn(let settlement), .settled(let settlement): settlement
    case .made, .extended, .voided, .expired: nil
    }
  }
}

/// What a hold sets aside before an event and after it; nil where it is not open.
public struct HoldStep: Hashable, Sendable {
  public struct Amounts: Hashable, Sendable {
    public let tokens: TokenCount
    public let credits: NanoCredits
  }

  public let before: Amounts?
  public let after: Amounts?

  /// The step of a hold that is made.
  public init(making hold: Hold) {
    self.init(before: nil, after: hold.amounts)
  }

  fileprivate init(before: Amounts?, after: Amounts?) {
    self.before = before
    self.after = after
  }
}

extension HoldState {
  /// Takes an event of the hold into account that is not the one that made it; answers what that means for
  /// whatever the hold sets something aside in, or nil where the hold stays as it is.
  public mutating func apply(
    _ change: HoldChange, at position: Position, happenedAt: Moment
  ) -> HoldStep? {
    let before = amounts
    switch change {
    case .made: return nil
    case .drawn(let settlement):
      guard isOpen else { return nil }
      hold.draw(settlement)
    case .extended(let expiresAt):
      guard isOpen else { return nil }
      (hold.expiresAt, startedAt) = (expiresAt, happenedAt)
    case .settled, .voided, .expired:
      // One that has ended already stays ended, but that an expired one may be settled.
      guard isOpen || end == .expired else { return nil }
      (end, endedAt) = (change.end, position)
    }
    return HoldStep(before: before, after: amounts)
  }

  private var amounts: HoldStep.Amounts? { isOpen ? hold.amounts : nil }
}

extension HoldState? {
  /// The same, from the event that makes the hold on.
  public mutating func apply(
    _ change: HoldChange, at position: Position, happenedAt: Moment
  ) -> HoldStep? {
    guard case .made(let hold) = change else {
      return self?.apply(change, at: position, happenedAt: happenedAt)
    }
    self = HoldState(hold, startedAt: happenedAt)
    return HoldStep(making: hold)
  }
}

extension Hold {
  fileprivate var amounts: HoldStep.Amounts {
    HoldStep.Amounts(tokens: tokens, credits: credits)
  }
}

extension HoldChange {
  fileprivate var end: HoldEnd? {
    switch self {
    case .settled(let settlement): settlement.isLate ? .settledLate : .settled
    case .voided: .voided
    case .expired: .expired
    case .made, .drawn, .extended: nil
    }
  }
}
