public import QuotaModel

/// The first thing that two projections of one log say differently, in words.
public struct ProjectionDifference: Hashable, Sendable {
  /// What it is about: an account by its user's id, a hold by its number, a session, the whole.
  public let subject: String
  /// What differs, each with both values.
  public let fields: [Field]
  /// The event that the rows themselves name as the first one that only one of them knows.
  public let position: Position?
  /// The account that it is about; nil where it is about something else.
  public let account: AccountWords?
  /// The events of the account, behind each of which a fresh fold can be asked for what differs; empty where
  /// that would tell nothing.
  public let history: [Position]

  /// One value that differs.
  public struct Field: Hashable, Sendable {
    public let name: String
    public let left: String
    public let right: String
  }

  init(
    _ subject: String, fields: [Field], position: Position? = nil, account: AccountWords? = nil,
    history: [Position] = []
  ) {
    (self.subject, self.fields, self.position) = (subject, fields, position)
    (self.account, self.history) = (account, history)
  }
}

extension ProjectionDifference.Field {
  /// The values that differ; of a thing that one side does not have, that it is missing.
  static func differing(_ left: [NamedValue], _ right: [NamedValue]) -> [Self] {
    zip(left, right).filter { $0.value != $1.value }
      .map { Self(name: $0.name, left: $0.value, right: $1.value) }
  }
}

extension ProjectionDifference: CustomStringConvertible {
  public var description: String {
    let texts = fields.map { "\($0.name): \($0.left) against \($0.right)" }
    return "\(subject): " + texts.joined(separator: "; ")
  }
}
