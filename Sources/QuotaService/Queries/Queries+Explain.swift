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
  public let spends: [ExplainedSpend]
  /// The holds behind `reserved`, as far as the search went.
  public let holds: [ExplainedHold]
  public let nextAfter: Position
  public let hasMore: Bool
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
}

/// What somebody wants explained.
public struct ExplanationRequest: Sendable {
  public var user: UserReference
  public var period = Period.daily
  /// A moment of the window; nil: now.
  public var moment: Moment?
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
  /// How often that many are looked at for one answer: others wait meanwhile.
  private static let maximumSearchCount = 5
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
    let moment = refusal?.recordedAt ?? request.moment ?? now
    guard let reading = try usage(of: .id(user), at: moment) else { return .failure(.unknownUser) }
    let violations = refusal?.fact.refusal?.violations ?? []
    let violation = violations.first { $0.period == request.period } ?? violations.first
    let window = reading.windows[violation?.period ?? request.period]
    let end = refusal.map { Position($0.position.rawValue - 1) } ?? reading.position
    let page = try spends(of: user, in: window, after: request.after, until: end, request.limit)
    var used: TokenCount? = reading.used[window.period]
    var reserved = reading.account.reserved
    let holds: [ExplainedHold]
    if let refusal {
      holds = try openHolds(of: user, before: refusal)
      // A refusal by a session or a budget does not say it.
      reserved = violation?.reserved ?? holds.reduce(.zero) { $0.addingClamped($1.tokens) }
      used =
        if let violation { violation.used } else {
          try self.used(by: user, in: window, until: end)
        }
    } else {
      holds = try openHolds(of: user, limit: Self.maximumHoldCount)
    }
    return .success(
      Explanation(
        user: user, window: window, calendar: reading.calendar, refusal: refusal,
        used: used, reserved: reserved, spends: page.spends, holds: holds,
        nextAfter: page.nextAfter, hasMore: page.hasMore, position: end))
  }

  /// A call of the user that was refused at a position; nil where none was.
  private func refusal(of user: UserID, at position: Position) throws(StoreFailure) -> Event? {
    let event = try usingLog { () throws(LogFailure) in try store.log.event(at: position) }
    return event?.fact.refusal?.user == user ? event : nil
  }

  /// The holds that were open when a call was refused, as far as the search goes. No hold lasts longer
  /// than a day without a word, so that the day before tells of each: of older ones by an extension.
  private func openHolds(
    of user: UserID, before refusal: Event
  ) throws(StoreFailure) -> [ExplainedHold] {
    let earliest = Moment(
      microseconds: refusal.recordedAt.microseconds
        - HoldRequest.timeToLiveSeconds.upperBound * 1_000_000)
    var start = try position(before: earliest, refusal.position)
    var open: [ExplainedHold] = []
    for _ in 0..<Self.maximumSearchCount {
      let found = try openHolds(of: user, after: start, before: refusal)
      open = found.open
      guard let older = found.older else { break }
      start = Position(older.position.rawValue - 1)
    }
    return open.sorted { $0.id < $1.id }
  }

  /// What events behind `start` tell of open holds, and the oldest hold that they extend and that was
  /// made before.
  private func openHolds(
    of user: UserID, after start: Position, before refusal: Event
  ) throws(StoreFailure) -> (open: [ExplainedHold], older: HoldID?) {
    var filter = EventFilter()
    filter.user = user
    filter.after = start
    filter.limit = 1000
    var open: [HoldID: ExplainedHold] = [:]
    var older: HoldID?
    for _ in 0..<Self.maximumLookCount / filter.limit {
      let page = try events(filter)
      for event in page.events where event.position < refusal.position {
        event.fact.changeHolds(&open, at: event.position)
        if let id = event.fact.extendedHold, id.position <= start { older = min(older ?? id, id) }
      }
      filter.after = page.nextAfter
      guard page.hasMore, page.nextAfter < refusal.position else { break }
    }
    return (Array(open.values), older)
  }

  /// What a window held at an earlier position; nil where too much was spent in it to be added up here.
  private func used(
    by user: UserID, in window: Window, until end: Position
  ) throws(StoreFailure) -> TokenCount? {
    var sum: Int128 = 0
    var after = Position.zero
    for _ in 0..<Self.maximumSearchCount {
      let page = try spends(
        of: user, in: window, after: after, until: end, Self.maximumLookCount)
      for spend in page.spends { sum += Int128(spend.tokens) }
      after = page.nextAfter
      if !page.hasMore { return TokenCount(Int64(clamping: sum)) ?? .zero }
    }
    return nil
  }

  private func spends(
    of user: UserID, in window: Window, after: Position, until end: Position, _ limit: Int
  ) throws(StoreFailure) -> (spends: [ExplainedSpend], nextAfter: Position, hasMore: Bool) {
    var filter = EventFilter()
    filter.user = user
    filter.after = max(after, try position(before: window.start, end))
    filter.limit = 1000
    var spends: [ExplainedSpend] = []
    for _ in 0..<Self.maximumLookCount / filter.limit {
      let page = try events(filter)
      for event in page.events {
        if event.position > end { return (spends, end, false) }
        if spends.count == limit { return (spends, filter.after, true) }
        filter.after = event.position
        if window.contains(event.happenedAt), let tokens = event.fact.windowChange {
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
  fileprivate var refusal: Refusal? {
    switch self {
    case .spendRefused(let refusal), .spendShadowed(let refusal): refusal
    default: nil
    }
  }

  /// What the event does to the holds that are open.
  func changeHolds(_ open: inout [HoldID: ExplainedHold], at position: Position) {
    switch self {
    case .spendHeld(let hold):
      let id = HoldID(position)
      open[id] = ExplainedHold(id: id, tokens: hold.tokens, expiresAt: hold.expiresAt)
    case .holdDrawn(let id, let settlement):
      guard let known = open[id] else { return }
      open[id] = ExplainedHold(
        id: id, tokens: known.tokens.subtractingClamped(settlement.spend.usage.total),
        expiresAt: known.expiresAt)
    case .holdExtended(let id, user: _, let expiresAt):
      guard let known = open[id] else { return }
      open[id] = ExplainedHold(id: id, tokens: known.tokens, expiresAt: expiresAt)
    case .holdSettled(let id, _), .holdVoided(let id, user: _), .holdExpired(let id, user: _):
      open[id] = nil
    default: return
    }
  }

  fileprivate var extendedHold: HoldID? {
    if case .holdExtended(let id, user: _, expiresAt: _) = self { id } else { nil }
  }

  /// What the event adds to its windows; nil where it adds nothing.
  fileprivate var windowChange: Int64? {
    if case .usageCorrected(let correction) = self {
      return correction.usage.total.rawValue - correction.old.rawValue
    }
    return countedSpend.map(\.tokens.rawValue)
  }
}
