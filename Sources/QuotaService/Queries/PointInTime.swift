public import QuotaModel

/// A point of history, as somebody names it.
public enum PointInTime: Hashable, Sendable {
  /// Right after the event at a position.
  case position(Position)
  /// Right after the last event that was recorded at a moment or before.
  case moment(Moment)

  /// Reads a position (digits) or a moment (RFC 3339); nil for anything else.
  public init?(_ text: String) {
    if let number = UInt64(text), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) {
      self = .position(Position(number))
    } else if let moment = try? Moment(rfc3339: text) {
      self = .moment(moment)
    } else {
      return nil
    }
  }
}

/// A point of history, as the log knows it.
public struct PastPoint: Hashable, Sendable {
  /// The last event that counts; zero where nothing had happened.
  public let position: Position
  /// The moment that was asked about, or what the clock showed when the event was decided.
  public let moment: Moment

  public init(position: Position, moment: Moment) {
    self.position = position
    self.moment = moment
  }
}

/// Why there is no answer about a point of history.
public enum PastFault: Error, Hashable, Sendable {
  /// The log ends before the position.
  case beyondHead(Position)
  /// Events of the moment may still come: only moments up to this one have the same answer for ever.
  case tooRecent(latest: Moment)
  /// More events would have to be looked at than an answer may take.
  case tooLong(limit: Int)
}

extension PastFault: CustomStringConvertible {
  public var description: String {
    switch self {
    case .beyondHead(let head): "lies behind the last position, \(head)"
    case .tooRecent(let latest):
      "must be \(latest.rfc3339) or earlier: what happened later may still be on its way"
    case .tooLong(let limit): "needs more than \(limit) events to be looked at"
    }
  }
}
