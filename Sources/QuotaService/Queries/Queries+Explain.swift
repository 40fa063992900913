internal import EventLog
internal import Projections
public import QuotaModel

/// Why a number is what it is: the events behind it.
public struct Explanation: Sendable {
  public let user: UserID
  public let window: Window
  public let calendar: QuotaCalendar
  /// The refusal that is explained; nil where the current state is.
  public let refusal: Event?
  /// What the window holds, or held when the call was refused; nil where finding that out would take too
  /// long.
  public let used: TokenCount?
  /// What is held, or was held then.
  public let reserved: TokenCount
  /// Events that add to `used`, in the order of the log, from behind the position asked for.
  public internal(set) var spends: [ExplainedSpend]
  /// The holds behind `reserved`, the oldest ones.
  public let holds: [ExplainedHold]
  /// Whether there are more holds, so that those that are told make less than `reserved`.
  public let hasMoreHolds: Bool
  public internal(set) var nextAfter: Position
  public internal(set) var hasMore: Bool
  /// The position that all of it is true for.
  public let position: Position
}

/// An event that changed what a window holds.
public struct ExplainedSpend: Sendable {
  public let event: Event
  /// What it added; negative for a correction downwards.
  public let tokens: Int64
}

/// A hold that is open, or was when a call was refused.
public struct ExplainedHold: Sendable {
  public let id: HoldID
  public let tokens: TokenCount
  public let expiresAt: Moment

  init(_ id: HoldID, _ hold: Hold) {
    self.id = id
    tokens = hold.tokens
    expiresAt = hold.expiresAt
  }
}

/// What somebody wants explained.
public struct ExplanationRequest: Sendable {
  public var user: UserReference
  public var period = Period.daily
  /// A local date of the window; nil: today.
  public var date: CalendarDate?
  /// The position of a refusal, which is explained as it was then: by the window of `period` if that
  /// refused, else of the first limit that did.
  public var refusal: Position?
  public var after = Position.zero
  public var limit = 100

  public init(user: UserReference) { self.user = user }
}

/// Why nothing can be explained.
public enum ExplanationFault: Error, Hashable, Sendable {
  case unknownUser
  case notARefusal
}

extension Queries {
  /// Events that are looked at for one page.
  private static let maximumLookCount = 20_000
  /// The user's events that are folded to tell what was open when a call was refused.
  private static let maximumFoldCount = 100_000
  /// Open holds that are told.
  private static let maximumHoldCount = 1000

  /// The events behind a window's usage, or behind a refusal.
  public func explain(
    _ request: ExplanationRequest, now: Moment
  ) throws(StoreFailure) -> Result<Explanation, ExplanationFault> {
    guard let user = try identity(of: request.user) else { return .failure(.unknownUser) }
    var refusal: Event?
    if let position = request.refusal {
      refusal = try self.refusal(of: user, at: position)
      guard refusal != nil else { return .failure(.notARefusal) }
    }
    if let refusal { return try explain(refusal, of: user, request) }
    return try explain(user, request, now: now)
  }

  /// Goes on with an explanation: the same figures, true for the same position, and the events behind them
  /// that come next.
  public func next(
    _ explanation: Explanation, limit: Int
  ) throws(StoreFailure) -> Explanation {
    var next = explanation
    (next.spends, next.nextAfter, next.hasMore) = try spends(
      of: explanation.user, in: explanation.window, after: explanation.nextAfter,
      until: explanation.position, limit)
    return next
  }

  /// The events behind a window as it is now.
  private func explain(
    _ user: UserID, _ request: ExplanationRequest, now: Moment
  ) throws(StoreFailure) -> Result<Explanation, ExplanationFault> {
    let view = try view(
      of: user, holdLimit: Self.maximumHoldCount, meaning: request.period
    ) { (calendar) in
      PerPeriod { (period) in
        if let date = request.date { return calendar.window(period, of: date) }
        return calendar.window(period, containing: now)
      }
    }
    guard let view else { return .failure(.unknownUser) }
    let (reading, window) = (view.reading, view.reading.windows[request.period])
    let page = try spends(
      of: user, in: window, after: request.after, until: reading.position, request.limit)
    return .success(
      Explanation(
        user: user, window: window, calendar: reading.calendar, refusal: nil,
        used: reading.used[window.period], reserved: reading.account.reserved,
        spends: page.spends, holds: view.holds.holds.map { ExplainedHold($0.id, $0.hold) },
        hasMoreHolds: !view.holds.areAll, nextAfter: page.nextAfter, hasMore: page.hasMore,
        position: reading.position))
  }

  /// The events behind a window as it was when a call was refused.
  private func explain(
    _ refusal: Event, of user: UserID, _ request: ExplanationRequest
  ) throws(StoreFailure) -> Result<Explanation, ExplanationFault> {
    let end = Position(refusal.position.rawValue - 1)
    let past = try PastAccountReader(
      of: user, at: PastPoint(position: end, moment: refusal.happenedAt),
      limit: Self.maximumFoldCount, knowsHolds: true,
      knowsYears: request.period == .yearly, in: self
    ) { (calendar) in PerPeriod { calendar.window($0, containing: refusal.happenedAt) } }
    let violations = refusal.fact.refusal?.violations ?? []
    let violation = violations.first { $0.period == request.period } ?? violations.first
    let window = past.windows[violation?.period ?? request.period]
    // Where too much would have to be looked at, the recorded figures have to do.
    let fold = if case .success(let fold) = try past.fold() { fold } else { nil as AccountFold? }
    let reserved = violation?.reserved ?? fold?.account.reserved ?? .zero
    let open = (fold?.holds ?? [:]).sorted { $0.key < $1.key }
    let page = try spends(of: user, in: window, after: request.after, until: end, request.limit)
    return .success(
      Explanation(
        user: user, window: window, calendar: past.calendar, refusal: refusal,
        used: violation?.used ?? past.used(fold, in: window), reserved: reserved,
        spends: page.spends,
        holds: open.prefix(Self.maximumHoldCount).map { ExplainedHold($0.key, $0.value) },
        hasMoreHolds: fold == nil ? reserved > .zero : open.count > Self.maximumHoldCount,
        nextAfter: page.nextAfter, hasMore: page.hasMore, position: end))
  }

  /// A call of the user that was refused at a position; nil where none was.
  private func refusal(of user: UserID, at position: Position) throws(StoreFailure) -> Event? {
    let event = try usingLog(store.log.event(at: position))
    return event?.fact.refusal?.user == user ? event : nil
  }

  private func spends(
    of user: UserID, in window: Window, after: Position, until end: Position, _ limit: Int
  ) throws(StoreFailure) -> (spends: [ExplainedSpend], nextAfter: Position, hasMore: Bool) {
    var filter = EventFilter()
    filter.user = user
    filter.after = max(after, try position(before: window.start, end))
    filter.until = end
    filter.limit = 1000
    var spends: [ExplainedSpend] = []
    for _ in 0..<Self.maximumLookCount / filter.limit {
      let page = try events(filter)
      for event in page.events {
        if spends.count == limit { return (spends, filter.after, true) }
        filter.after = event.position
        if window.contains(event.happenedAt), let tokens = event.fact.usageChange?.difference {
          spends.append(ExplainedSpend(event: event, tokens: tokens))
        }
      }
      filter.after = page.nextAfter
      guard page.hasMore else { return (spends, end, false) }
    }
    return (spends, filter.after, true)
  }
}

extension Fact {
  /// What was refused, or would have been but for a limit in shadow mode.
  fileprivate var refusal: Refusal? {
    if case .spendRefused(let refusal) = self { return refusal }
    if case .spendShadowed(let refusal) = self { return refusal }
    return nil
  }
}
