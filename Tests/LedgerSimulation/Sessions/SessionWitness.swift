public import QuotaModel
public import QuotaService

/// Hears everything that happens in one session, and notices what may never happen.
public struct SessionWitness {
  /// What was heard, in order.
  public private(set) var news: [SessionNews] = []
  /// The first thing that may not be, in words.
  public private(set) var fault: String?
  private var last: SessionEventPlace?
  private var durableCount: UInt64 = 0
  private var total = NanoCredits.zero
  private var checkpoint: NanoCredits?
  private var request: EntryID?
  private var pastRequests: Set<EntryID> = []
  private var usageIDs: Set<StepID> = []
  private var isDeleted = false

  public init() {}

  mutating func hear(_ item: SessionNews) {
    check(!isDeleted, "something happens after the end: \(item.event.fact)")
    checkChain(item)
    check(item.session.total >= total, "the total has decreased to \(item.session.total)")
    total = item.session.total
    switch item.event.fact {
    case .session(_, let fact): hear(fact, item.session)
    default: check(news.isEmpty, "the session begins twice")
    }
    check(item.session.request?.id == request, "another question is open than was asked")
    news.append(item)
  }

  /// Durable events form one chain, and each knows how many came before it.
  private mutating func checkChain(_ item: SessionNews) {
    check(item.entry.position == item.event.position, "the entry is another event's")
    check(item.entry.parent == last, "the parent is \(String(describing: item.entry.parent))")
    check(item.entry.earlierCount == durableCount, "\(item.entry.earlierCount) came before")
    let count = item.event.fact.durableEventCount
    durableCount += UInt64(count)
    if count > 0 {
      last = SessionEventPlace(position: item.event.position, index: UInt8(count - 1))
    }
    check(item.session.lastEvent == last, "the last event is \(item.session.lastEvent)")
    check(item.session.counts.durableEvents == durableCount, "the events are counted wrongly")
  }

  private mutating func hear(_ fact: SessionFact, _ session: Session) {
    switch fact {
    case .usageRecorded(let usage):
      check(usageIDs.insert(usage.id).inserted, "usage \(usage.id) is counted twice")
      check(usage.sequence == UInt64(usageIDs.count), "usage \(usage.id) has a wrong number")
    case .checkpointed(let totals):
      check(totals.total == session.total, "a checkpoint says \(totals.total)")
      check(checkpoint.map { $0 < totals.total } ?? true, "a checkpoint comes twice")
      checkpoint = totals.total
    case .exhaustionRequested(let question):
      check(request == nil, "two questions are open")
      check(pastRequests.insert(question.id).inserted, "a question is asked twice")
      check(question.used >= question.limit, "a question comes before the cap is reached")
      request = question.id
    case .exhaustionAnswered(let id, _):
      check(id == request, "a question that is not open is answered")
      request = nil
    case .deleted: isDeleted = true
    case .resumed, .limitChanged, .modelChanged, .messageReceived, .callAdmitted, .callEnded,
      .callExtended,
      .messageAnswered, .turnEnded, .warned, .optionIgnored, .failed, .aborted, .windowStarted,
      .closed:
      break
    }
  }

  private mutating func check(_ holds: Bool, _ text: @autoclosure () -> String) {
    if !holds, fault == nil { fault = "event \(news.count + 1): " + text() }
  }
}

extension Fact {
  /// How many events that clients keep the fact is shown as.
  public var durableEventCount: Int {
    switch self {
    case .sessionStarted(let start): start.limit == nil ? 1 : 2
    case .session(_, let fact): fact.durableEventCount
    default: 0
    }
  }
}
