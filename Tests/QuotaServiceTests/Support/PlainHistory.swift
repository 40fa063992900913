import QuotaModel
import QuotaService

/// What the events of a log come to at any position, added up one by one.
struct PlainHistory {
  let events: [Event]

  init(of queries: Queries) throws {
    var (events, filter) = ([Event](), EventFilter())
    repeat {
      let page = try queries.events(filter)
      events += page.events
      filter.after = page.nextAfter
      if !page.hasMore { break }
    } while true
    self.events = events
  }

  func events(of user: UserID, until end: Position) -> [Event] {
    events.prefix { $0.position <= end }.filter { $0.fact.user == user }
  }

  func used(by user: UserID, in window: Window, at position: Position) -> Int64 {
    events(of: user, until: position).reduce(0) {
      window.contains($1.happenedAt) ? $0 + ($1.fact.usageChange?.difference ?? 0) : $0
    }
  }

  /// What is left of the open holds.
  func holds(of user: UserID, at position: Position) -> [HoldID: Int64] {
    var open: [HoldID: Int64] = [:]
    for event in events(of: user, until: position) {
      switch event.fact {
      case .spendHeld(let hold): open[HoldID(event.position)] = hold.tokens.rawValue
      case .holdDrawn(let id, let settlement):
        open[id] = open[id].map { max(0, $0 - settlement.spend.usage.total.rawValue) }
      case .holdSettled(let id, _), .holdVoided(let id, user: _), .holdExpired(let id, user: _):
        open[id] = nil
      default: break
      }
    }
    return open
  }

  func ownDailyLimit(of user: UserID, at position: Position) -> TokenLimit? {
    var limit: TokenLimit?
    for event in events(of: user, until: position) {
      guard case .limitsChanged(_, let changes) = event.fact else { continue }
      for change in changes where change.period == .daily { limit = change.new }
    }
    return limit
  }
}
