internal import HTTPServer
internal import QuotaModel

/// What requests under an `Idempotency-Key` were answered, for a while and as long as the process
/// lives; for commands of which the ledger cannot tell a repetition.
struct RepeatedRequests {
  /// Answers that are remembered; older ones make room.
  private static let maximumCount = 1024

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
  /// The keys by age.
  private var order: [Key] = []

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
    if order.count >= Self.maximumCount, let index = order.firstIndex(where: isAnswered) {
      entries[order.remove(at: index)] = nil
    }
    entries[key] = entry
    order.append(key)
  }

  private func isAnswered(_ key: Key) -> Bool { entries[key]?.response != nil }

  private mutating func forget(_ key: Key) {
    entries[key] = nil
    order.removeAll { $0 == key }
  }
}
