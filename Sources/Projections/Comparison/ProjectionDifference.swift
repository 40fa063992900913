public import QuotaModel

/// The first thing that two projections of one log say differently, in words.
public struct ProjectionDifference: Hashable, Sendable {
  /// What it is about: an account by its user's id, a hold by its number, a session, the whole.
  public let subject: String
  /// The user whose account it is; nil where it is about something else.
  public let user: UserID?
  /// What differs, each with both values.
  public let fields: [Field]
  /// What differs of an account, to be looked up again while the log is folded afresh.
  public let aspects: [AccountAspect]
  /// The event that the rows themselves name as the first one that only one of them knows.
  public let position: Position?

  /// One value that differs.
  public struct Field: Hashable, Sendable {
    public let name: String
    public let left: String
    public let right: String

    public init(_ name: String, _ left: String, _ right: String) {
      self.name = name
      self.left = left
      self.right = right
    }
  }

  init(
    _ subject: String, user: UserID? = nil, fields: [Field], aspects: [AccountAspect] = [],
    position: Position? = nil
  ) {
    self.subject = subject
    self.user = user
    self.fields = fields
    self.aspects = aspects
    self.position = position
  }
}

extension ProjectionDifference: CustomStringConvertible {
  public var description: String {
    let texts = fields.map { "\($0.name): \($0.left) against \($0.right)" }
    return "\(subject): " + texts.joined(separator: "; ")
  }
}
