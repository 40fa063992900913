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
  public let before: Hold?
  public let after: Hold?

  public init(before: Hold?, after: Hold?) {
    self.before = before
    self.after = after
  }
}

extension HoldState? {
  /// Takes the next event of a hold into account, from that which makes it on; answers what that means for
  /// whatever it sets something aside in.
  public mutating func apply(
    _ change: HoldChange, at position: Position, happenedAt: Moment
  ) -> HoldStep {
    let before = self?.open
    if case .made(let hold) = change {
      self = HoldState(hold, startedAt: happenedAt)
    } else {
      self?.apply(change, at: position, happenedAt: happenedAt)
    }
    return HoldStep(before: before, after: self?.open)
  }
}

extension HoldState {
  fileprivate var open: Hold? { isOpen ? hold : nil }

  fileprivate mutating func apply(
    _ change: HoldChange, at position: Position, happenedAt: Moment
  ) {
    switch change {
    case .made: break
    case .drawn(let settlement):
      if isOpen { hold.draw(settlement) }
    case .extended(let expiresAt):
      if isOpen { (hold.expiresAt, startedAt) = (expiresAt, happenedAt) }
    case .settled(let settlement): end(settlement.isLate ? .settledLate : .settled, at: position)
    case .voided: end(.voided, at: position)
    case .expired: end(.expired, at: position)
    }
  }

  /// One that has ended already stays ended, but that an expired one may be settled.
  private mutating func end(_ end: HoldEnd, at position: Position) {
    guard isOpen || self.end == .expired else { return }
    self.end = end
    endedAt = position
  }
}
