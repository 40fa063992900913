internal import Projections
public import QuotaModel

/// What a comparison of two generations found.
public struct ComparisonReport: Sendable {
  public let left: ComparedGeneration
  public let right: ComparedGeneration
  /// The position that both are compared at.
  public let position: Position
  /// nil where they are equal.
  public let difference: FoundDifference?
}

/// One side of a comparison.
public enum ComparedGeneration: Hashable, Sendable {
  case generation(UInt64)
  /// A fold of the log for the comparison only.
  case fresh
}

extension ComparedGeneration: CustomStringConvertible {
  public var description: String {
    switch self {
    case .generation(let number): "generation \(number)"
    case .fresh: "a fresh fold"
    }
  }
}

/// The first difference between two generations, and where it began.
public struct FoundDifference: Sendable {
  public let left: ComparedGeneration
  public let right: ComparedGeneration
  let what: ProjectionDifference
  /// What the user is called whose account differs, where that is known.
  public let name: UserName?
  public let parting: Parting?

  /// What it is about, such as an account by its user's id.
  public var subject: String { what.subject }
  /// The user whose account it is; nil where it is about something else.
  public var user: UserID? { what.account?.user }
  /// What differs, each with both values.
  public var fields: [(name: String, left: String, right: String)] {
    what.fields.map { ($0.name, $0.left, $0.right) }
  }
}

/// Where two values part, by what the log gives for the prefixes of an account's history.
public enum Parting: Hashable, Sendable {
  /// The first event that only one of the two has taken into account.
  case at(Position)
  /// The wrong one has what the log gave up to `last`, and not what it gives since the event at `next`.
  case behind(last: Position, next: Position, wrong: ComparedGeneration)
  /// The wrong one has what no prefix of the account's history gives.
  case nowhere(eventCount: Int, wrong: ComparedGeneration)

  /// The first position at which they part; nil where there is none.
  public var position: Position? {
    switch self {
    case .at(let position): position
    case .behind(_, let next, _): next
    case .nowhere: nil
    }
  }
}

extension Parting: CustomStringConvertible {
  public var description: String {
    switch self {
    case .at(let position): "they part at position \(position)"
    case .behind(let last, let next, let wrong) where last == .zero:
      "they part at position \(next): \(wrong) has what was true before any event of the account"
    case .behind(let last, let next, let wrong):
      "they part at position \(next): \(wrong) has what was true up to position \(last)"
    case .nowhere(let count, let wrong):
      "no prefix of the account's \(count) events gives what \(wrong) has"
    }
  }
}

extension FoundDifference: CustomStringConvertible {
  /// The subject with its name, both values of everything that differs, and where they part.
  public var description: String {
    let subject = what.subject + (name.map { " (\($0))" } ?? "")
    let fields = fields.map { "\($0.name): \($0.left) against \($0.right)" }
    return "\(left) against \(right): \(subject): " + fields.joined(separator: "; ")
      + (parting.map { "; \($0)" } ?? "")
  }
}
