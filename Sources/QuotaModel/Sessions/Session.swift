/// What the log says about one session: a pure fold of its events.
public struct Session: Hashable, Sendable {
  /// How many calls may be under way; every event of a session writes them all.
  public static let maximumCallCount = 1024
  /// How many models are told apart, for the same reason; clients name them as they like.
  public static let maximumModelCount = 256
  /// How many lost calls are remembered, for the same reason.
  public static let maximumLostCallCount = 64
  /// How many options without effect are told, for the same reason.
  public static let maximumIgnoredOptionCount = 64

  public let ref: SessionRef
  public let id: SessionID
  public let user: UserID?
  public let seed: EntryID
  public let budget: BudgetID?
  public let startedAt: Moment
  public internal(set) var updatedAt: Moment
  public internal(set) var phase = SessionPhase.open
  public internal(set) var model: ModelName?
  /// The cap of the window; nil for none.
  public internal(set) var limit: NanoCredits?
  /// Everything spent since the beginning; never decreases.
  public internal(set) var total = NanoCredits.zero
  public internal(set) var window: SessionWindow
  /// The question that waits for its answer.
  public internal(set) var request: ExhaustionRequest?
  /// Calls that were let in and have not ended.
  public internal(set) var calls: [OpenCall] = []
  /// Calls of others that were counted by an estimate, the latest; one may still tell what it used.
  public internal(set) var lostCalls: [LostCall] = []
  public internal(set) var counts = SessionCounts()
  /// What each model used, in the order of their first use; those behind the 256th are not told.
  public internal(set) var models: [ModelUse] = []
  /// Models without price that a warning was given for.
  public internal(set) var warnedModels: [ModelName] = []
  /// Options without effect that a warning was given for.
  public internal(set) var ignoredOptions: [CallMark] = []
  /// The last event of those that clients keep.
  public internal(set) var lastEvent: SessionEventPlace

  public init(_ start: SessionStart, at position: Position, recordedAt: Moment) {
    ref = SessionRef(position)
    id = start.id
    user = start.user
    seed = start.seed
    budget = start.budget
    startedAt = recordedAt
    updatedAt = recordedAt
    model = start.model
    limit = start.limit
    window = SessionWindow(number: 1, startedAt: recordedAt, base: .zero, dearestCall: .zero)
    lastEvent = SessionEventPlace(position: position, index: start.limit == nil ? 0 : 1)
    counts.durableEvents = start.limit == nil ? 1 : 2
  }
}

/// Whether a session is in use.
public enum SessionPhase: UInt8, Sendable {
  case open = 0
  /// Shut down; it can be resumed.
  case closed = 1
  /// Gone for good.
  case deleted = 2
}

/// An accounting window: the conversation since the beginning or the last `clear`.
public struct SessionWindow: Hashable, Sendable {
  /// 1, 2, 3 …
  public var number: UInt64
  public var startedAt: Moment
  /// The session's total when the window began.
  public var base: NanoCredits
  /// The dearest call of the window; what a call is taken for that nobody can estimate.
  public var dearestCall: NanoCredits

  public init(number: UInt64, startedAt: Moment, base: NanoCredits, dearestCall: NanoCredits) {
    self.number = number
    self.startedAt = startedAt
    self.base = base
    self.dearestCall = dearestCall
  }
}

/// A call under way and what is kept free for it.
public struct OpenCall: Hashable, Sendable {
  public var call: StepID
  public var reservation: NanoCredits
  public var expiresAt: Moment
  public var admittedAt: Position
  /// Whether a turn of the service itself makes it.
  public var isOwn: Bool

  public init(
    call: StepID, reservation: NanoCredits, expiresAt: Moment, admittedAt: Position, isOwn: Bool
  ) {
    self.call = call
    self.reservation = reservation
    self.expiresAt = expiresAt
    self.admittedAt = admittedAt
    self.isOwn = isOwn
  }
}

/// A call that was counted by an estimate because it told nothing in time.
public struct LostCall: Hashable, Sendable {
  public var call: StepID
  public var estimate: NanoCredits

  public init(call: StepID, estimate: NanoCredits) {
    self.call = call
    self.estimate = estimate
  }
}

/// How often things happened in a session.
public struct SessionCounts: Hashable, Sendable {
  /// Calls whose usage was recorded; also the last usage's sequence number.
  public var calls: UInt64 = 0
  /// Of these, the ones of which nobody knows what they cost.
  public var unpricedCalls: UInt64 = 0
  public var userMessages: UInt64 = 0
  public var turns: UInt64 = 0
  public var durableEvents: UInt64 = 0
  /// The time that model calls took, in milliseconds.
  public var apiMilliseconds: UInt64 = 0
  public var lastInput = TokenCount.zero
  public var lastOutput = TokenCount.zero

  public init() {}
}

/// What one model used in a session.
public struct ModelUse: Hashable, Sendable {
  public let model: ModelName
  public var calls: UInt64 = 0
  public var cost = NanoCredits.zero
  public var input = TokenCount.zero
  public var output = TokenCount.zero
  public var cacheRead = TokenCount.zero
  public var cacheWrite = TokenCount.zero
  public var reasoning = TokenCount.zero

  public init(model: ModelName) { self.model = model }
}

/// Names an event that clients see: an event of the log may be shown as more than one.
public struct SessionEventPlace: Hashable, Comparable, Sendable {
  /// No event of the log is shown as so many; stands for the end of them.
  public static let lastIndex: UInt8 = 3

  public var position: Position
  /// 0 to `lastIndex`.
  public var index: UInt8

  public init(position: Position, index: UInt8) {
    self.position = position
    self.index = index
  }

  /// One number that keeps the order.
  public var number: UInt64 { position.rawValue << 2 | UInt64(index) }

  public init(number: UInt64) {
    self.init(position: Position(number >> 2), index: UInt8(number & 3))
  }

  public static func < (left: SessionEventPlace, right: SessionEventPlace) -> Bool {
    left.number < right.number
  }
}

/// The state of a session's budget (contract session-limits, 2.1).
public enum BudgetState: String, Hashable, Sendable {
  case unlimited, within, exhausted, deciding, closed, deleted
}

/// Whether what was spent is known.
public enum CreditsStatus: String, Hashable, Sendable {
  case complete, partial, unavailable

  /// Of so many calls, so many told nobody what they cost.
  init(unknown: UInt64, of count: UInt64) {
    self = unknown == 0 ? .complete : unknown == count ? .unavailable : .partial
  }
}

extension Session {
  /// What was spent in the window.
  public var used: NanoCredits { total.subtractingClamped(window.base) }

  /// What is left of the cap; nil without one.
  public var remaining: NanoCredits? { limit?.subtractingClamped(used) }

  public var isExhausted: Bool { limit.map { used >= $0 } ?? false }

  public var state: BudgetState {
    switch phase {
    case .deleted: .deleted
    case .closed: .closed
    case .open:
      if request != nil {
        .deciding
      } else if limit == nil {
        .unlimited
      } else {
        isExhausted ? .exhausted : .within
      }
    }
  }

  public var creditsStatus: CreditsStatus {
    CreditsStatus(unknown: counts.unpricedCalls, of: counts.calls)
  }

  /// What is kept free for calls under way.
  public var reserved: NanoCredits {
    calls.reduce(.zero) { $0.addingClamped($1.reservation) }
  }

  public func call(_ id: StepID) -> OpenCall? { calls.first { $0.call == id } }

  /// The call that an event ends; the first records of format 1 name a hold's call otherwise.
  public func call(endedAs id: StepID) -> OpenCall? {
    call(id) ?? id.formerHold.flatMap { call($0.call) }
  }

  /// The id of an event that clients see: as random as the session's seed, and another one for each
  /// place, because the step below can be undone.
  public func eventID(at place: SessionEventPlace) -> EntryID {
    EntryID(random: seed.high ^ (place.number >> 4), seed.low ^ scattered(place.number))
  }
}

/// A bijection on 62 bits; the others stay zero.
private func scattered(_ number: UInt64) -> UInt64 {
  (number &* 0x1E37_79B9_7F4A_7C15) & 0x3FFF_FFFF_FFFF_FFFF
}
