/// The requests of a connection that wait for their answers, and the answers that wait for their
/// turn: they leave in the order of the requests, in whichever order they are made.
struct AnswerQueue {
  /// A request as far as its answer depends on it.
  struct Pending {
    let isHead: Bool
    let isOldVersion: Bool
    var bodyBytes = 0
    var response: HTTPResponse?
    /// In place of a response, the body that is made piece by piece.
    var body: StreamedBody?
  }

  private var entries: [Pending] = []
  private var first = 0
  private var firstSequence: UInt64 = 0

  /// Bytes of request bodies for which the answer has not left.
  private(set) var heldBytes = 0
  /// Bytes of answers that wait for an earlier one.
  private(set) var waitingBytes = 0

  var count: Int { entries.count - first }
  var isEmpty: Bool { first == entries.count }

  /// Adds a request behind the others and returns its number.
  mutating func add(_ pending: Pending) -> UInt64 {
    entries.append(pending)
    return firstSequence + UInt64(count - 1)
  }

  /// Whether the request is still without an answer.
  func awaits(_ sequence: UInt64) -> Bool {
    request(awaiting: sequence) != nil
  }

  /// The request, if it is still without an answer.
  func request(awaiting sequence: UInt64) -> Pending? {
    guard let index = index(of: sequence) else { return nil }
    let entry = entries[index]
    return entry.response == nil && entry.body == nil ? entry : nil
  }

  /// Whether all earlier answers have left.
  func isNext(_ sequence: UInt64) -> Bool {
    sequence == firstSequence && !isEmpty
  }

  mutating func holdBody(_ bytes: Int, for sequence: UInt64) {
    guard let index = index(of: sequence) else { return }
    entries[index].bodyBytes = bytes
    heldBytes += bytes
  }

  /// Puts an answer in its place. A second one for the same request is ignored, as is one for a
  /// request that is no longer there.
  mutating func fill(_ sequence: UInt64, with response: HTTPResponse) {
    guard awaits(sequence), let index = index(of: sequence) else { return }
    waitingBytes += response.body.count
    entries[index].response = response
  }

  /// Takes the first request out, if it has its answer.
  mutating func takeAnswered() -> (Pending, HTTPResponse)? {
    guard !isEmpty, let response = entries[first].response else { return nil }
    let pending = entries[first]
    heldBytes -= pending.bodyBytes
    waitingBytes -= response.body.count
    advance()
    return (pending, response)
  }

  /// Forgets every request.
  mutating func removeAll() {
    firstSequence += UInt64(count)
    entries = []
    (first, heldBytes, waitingBytes) = (0, 0, 0)
  }

  fileprivate func index(of sequence: UInt64) -> Int? {
    guard sequence >= firstSequence, sequence - firstSequence < UInt64(count) else { return nil }
    return first + Int(sequence - firstSequence)
  }

  fileprivate mutating func advance() {
    entries[first].response = nil
    entries[first].body = nil
    first += 1
    firstSequence += 1
    if isEmpty {
      entries.removeAll(keepingCapacity: true)
      first = 0
    } else if first == 64 {
      entries.removeFirst(first)
      first = 0
    }
  }
}

/// Bodies that are made piece by piece. The first of them leaves while it is made, and holds up the
/// answers behind it until it has ended.
extension AnswerQueue {
  /// Puts a streamed answer in its place, unless the request has one.
  mutating func open(_ body: StreamedBody, for sequence: UInt64) {
    guard awaits(sequence), let index = index(of: sequence) else { return }
    heldBytes -= entries[index].bodyBytes
    entries[index].bodyBytes = 0
    entries[index].body = body
  }

  /// The body that is being made in answer to the request.
  func openBody(_ sequence: UInt64) -> StreamedBody? {
    guard let index = index(of: sequence), let body = entries[index].body else { return nil }
    return body.hasEnded ? nil : body
  }

  /// Every body that is being made.
  var openBodies: [StreamedBody] {
    entries[first...].compactMap { $0.body }.filter { !$0.hasEnded }
  }

  var hasOpenBody: Bool {
    entries[first...].contains { $0.body?.hasEnded == false }
  }

  /// What the bodies that wait for their turn hold together.
  var waitingPieceBytes: Int {
    entries[first...].reduce(0) { $0 + ($1.body?.waiting.count ?? 0) }
  }

  /// The first request, if a streamed body is its answer.
  var firstStreamed: (Pending, StreamedBody)? {
    guard !isEmpty, let body = entries[first].body else { return nil }
    return (entries[first], body)
  }

  /// Lets go of the first request, whose streamed body has ended.
  mutating func removeStreamed() {
    precondition(firstStreamed?.1.hasEnded == true, "a body is removed once it has ended")
    advance()
  }
}
