public import QuotaModel

/// A reader of events whose place in the log is kept for it.
public struct Consumer: Hashable, Sendable {
  public let name: ConsumerName
  /// Who made it. Nobody else moves it, but for staff.
  public let owner: UserID
  /// Everything up to here was handled.
  public internal(set) var position: Position
  public internal(set) var updatedAt: Moment
}

/// Who wants to change a consumer.
public struct ConsumerCaller: Hashable, Sendable {
  public var user: UserID
  /// Whether those of others may be changed as well.
  public var mayChangeAll: Bool

  public init(user: UserID, mayChangeAll: Bool) {
    self.user = user
    self.mayChangeAll = mayChangeAll
  }
}

/// What somebody wants to be done with a consumer.
public enum ConsumerRequest: Hashable, Sendable {
  /// Makes it, if there is none, and says that everything up to a position was handled. Without one, a new
  /// consumer begins behind the last event, and one that is known stays where it is.
  case acknowledge(ConsumerName, upTo: Position?, mayRewind: Bool, by: ConsumerCaller)
  case remove(ConsumerName, by: ConsumerCaller)
}

/// Why a consumer stays as it is.
public enum ConsumerRefusal: Error, Hashable, Sendable {
  case unknown
  case ofAnother
  /// It has come further; going back has to be meant.
  case behind(Position)
  case beyondHead(Position)
  case tooMany(limit: Int)
}

/// What became of a request.
public enum ConsumerAnswer: Hashable, Sendable {
  case kept(Consumer, isNew: Bool)
  case removed
  case refused(ConsumerRefusal)
  /// It could not be stored: what is known afterwards is what was known before.
  case failed(StoreFailure)
}
