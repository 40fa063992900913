/// The requests of a connection that wait for their answers, and the answers that wait for their
/// turn: they leave in the order of the requests, in whichever order they are made.
struct AnswerQueue {
  /// A request as far as its answer depends on it.
  struct Pending {
    let isHead: Bool
    let isOldVersion: Bool
    var bodyBytes = 0
    var response: HTTPResponse?
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
    guard let index = index(of: sequence) else { return false }
    return entries[index].response == nil
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

  private func index(of sequence: UInt64) -> Int? {
    guard sequence >= firstSequence, sequence - firstSequence < UInt64(count) else { return nil }
    return first + Int(sequence - firstSequence)
  }

  private mutating func advance() {
    entries[first].response = nil
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
