public import QuotaModel

/// What operators decide about sessions.
public struct SessionSettings: Sendable {
  /// The smallest cap that is accepted; 1 nano-credit and more.
  public var minimumLimit = NanoCredits(1) ?? .zero
  /// How long a turn waits for the answer to an open question; nil: for ever.
  public var decisionTimeoutSeconds: Int64?
  /// Whether a capped session refuses a model without price.
  public var refusesUnknownCost = false
  /// What the models cost.
  public var prices: [ModelName: ModelPrice] = [:]
  /// What a model can take and give, as `models.list` tells.
  public var modelBounds: [ModelName: ModelBounds] = [:]
  /// The model of a session that names none.
  public var defaultModel: ModelName?
  /// What a call is taken for that nobody can estimate.
  public var fallbackReservation = NanoCredits(NanoCredits.perCredit) ?? .zero
  /// How long a reservation lasts whose caller says nothing.
  public var reservationSeconds: Int64 = 600
  /// How long a model call of a turn may take in all.
  public var callTimeoutSeconds: Int64 = 600
  /// How long it may be silent once its answer has begun.
  public var callIdleSeconds: Int64 = 60
  /// The shared budget that a user's sessions join by themselves.
  public var budgetsOfUsers: [UserID: BudgetID] = [:]

  public init() {}
}

/// How many tokens a model takes and gives.
public struct ModelBounds: Hashable, Sendable {
  public var contextTokens: TokenCount
  public var outputTokens: TokenCount?

  public init(contextTokens: TokenCount, outputTokens: TokenCount?) {
    self.contextTokens = contextTokens
    self.outputTokens = outputTokens
  }
}
