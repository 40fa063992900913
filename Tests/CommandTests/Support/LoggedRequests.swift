import EventLog
import QuotaModel
import QuotaService

/// What the log itself says, read from its first record to its last.
struct LoggedRequests {
  private(set) var byID: [String: UInt64] = [:]
  /// Ids that stand there more than once.
  private(set) var repeated: [String] = []
  private(set) var tokens: [UserID: Int64] = [:]

  init(of store: Store) throws {
    for event in try Self.events(of: store) {
      if let id = event.requestID?.description {
        if byID.updateValue(event.position.rawValue, forKey: id) != nil { repeated.append(id) }
      }
      switch event.fact {
      case .tokensSpent(let spend):
        tokens[spend.user, default: 0] += spend.usage.total.rawValue
      case .holdSettled(_, let settlement):
        tokens[settlement.spend.user, default: 0] += settlement.countedTokens.rawValue
      default: break
      }
    }
  }

  static func events(of store: Store) throws -> [Event] {
    var events: [Event] = []
    try store.log.scan(after: .zero) { record in
      if let event = try? record.event() { events.append(event) }
      return .proceed
    }
    return events
  }
}
