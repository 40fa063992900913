internal import HTTPServer
internal import QuotaModel

/// What requests under an `Idempotency-Key` were answered, for a while and as long as the process
/// lives; for commands of which the ledger cannot tell a repetition.
struct RepeatedRequests {
  /// Answers that are remembered of one caller, and of all; older ones make room. What one caller asks
  /// takes no room from another, as long as there is any.
  private static let maximumCountOfCaller = 256
  private static let maximumCount = 4096

  struct Key: Hashable {
    let caller: UserID
    let path: String
    let key: StepID
  }

  private struct Entry {
    let body: [UInt8]
    var response: HTTPResponse?
    var waiting: [(HTTPResponse) -> Void]
  }

  private var entries: [Key: Entry] = [:]
  /// The keys of each caller by age.
  private var orders: [UserID: [Key]] = [:]

  /// What to do with a request.
  enum Course {
    /// It comes for the first time: send it, and call `end`.
    case send
    /// The first one is under way: its answer is for this one too.
    case wait
    case answer(HTTPResponse)
  }

  /// Has `complete` called with the request's answer if it is not there yet. Throws where the first
  /// one had another body.
  mutating func course(
    of key: Key, _ body: [UInt8], _ complete: @escaping (HTTPResponse) -> Void
  ) throws(Problem) -> Course {
    guard let known = entries[key] else {
      add(key, Entry(body: body, waiting: [complete]))
      return .send
    }
    guard known.body == body else {
      throw Problem(
        409, "request_conflict", "the same Idempotency-Key came with another body before",
        member: "Idempotency-Key")
    }
    if let response = known.response { return .answer(response) }
    entries[key]?.waiting.append(complete)
    return .wait
  }

  /// Takes the answer; returns those who wait for it, to be called when nothing else is going on
  /// here. A failure is not kept: it may be over.
  mutating func end(
    _ key: Key, with response: HTTPResponse, isKept: Bool
  ) -> [(HTTPResponse) -> Void] {
    let waiting = entries[key]?.waiting ?? []
    entries[key]?.response = response
    entries[key]?.waiting = []
    if !isKept { forget(key) }
    return waiting
  }

  private mutating func add(_ key: Key, _ entry: Entry) {
    if orders[key.caller]?.count ?? 0 >= Self.maximumCountOfCaller { forgetOldest(of: key.caller) }
    if entries.count >= Self.maximumCount,
      let greatest = orders.max(by: { $0.value.count < $1.value.count })
    {
      forgetOldest(of: greatest.key)
    }
    entries[key] = entry
    orders[key.caller, default: []].append(key)
  }

  private mutating func forgetOldest(of caller: UserID) {
    guard let key = orders[caller]?.first(where: isAnswered) else { return }
    forget(key)
  }

  private func isAnswered(_ key: Key) -> Bool { entries[key]?.response != nil }

  private mutating func forget(_ key: Key) {
    entries[key] = nil
    orders[key.caller]?.removeAll { $0 == key }
    if orders[key.caller]?.isEmpty == true { orders[key.caller] = nil }
  }
}
