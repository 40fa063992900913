import LedgerSimulation

/// Clients that record usage and make holds, as many as the server takes, and remember what it said.
struct UsageLoad {
  private static let connectionCount = 4

  let users: [String]
  private var numbers: SeededNumbers
  private var sentCount = 0
  /// The position that the first answer to each id named.
  private(set) var acknowledged: [String: UInt64] = [:]
  /// Ids that were sent and not answered: nobody knows whether they were recorded.
  private(set) var unanswered: Set<String> = []
  /// Answers that contradict an earlier one.
  private(set) var contradictions: [String] = []

  init(users: [String], seed: UInt64) {
    self.users = users
    numbers = SeededNumbers(seed: seed)
  }

  /// Sends requests until the server is gone.
  mutating func run(_ server: ServerProcess) {
    guard let connections = try? (0..<Self.connectionCount).map({ _ in try server.connect() })
    else { return }
    while true {
      let waiting = connections.map { ($0, newIDs()) }
      do {
        for (connection, ids) in waiting { try send(ids, on: connection) }
        for (connection, ids) in waiting { try receive(ids, from: connection) }
      } catch {
        return
      }
    }
  }

  /// Sends again what nobody knows the fate of, and some of what was acknowledged.
  mutating func repeatEarlier(_ server: ServerProcess) throws {
    let known = acknowledged.keys.sorted().shuffled(using: &numbers).prefix(50)
    let ids = Array(unanswered.sorted() + known)
    let connection = try server.connect()
    for start in stride(from: 0, to: ids.count, by: 16) {
      let part = Array(ids[start..<min(start + 16, ids.count)])
      try send(part, on: connection)
      try receive(part, from: connection)
    }
  }

  private mutating func newIDs() -> [String] {
    (0..<Int(numbers.number(1...8))).map { _ in
      sentCount += 1
      return "request-\(sentCount)"
    }
  }

  private mutating func send(_ ids: [String], on connection: RawConnection) throws {
    for id in ids {
      if acknowledged[id] == nil { unanswered.insert(id) }
      let (path, body) = request(id)
      try connection.send("POST", path, body)
    }
  }

  private mutating func receive(_ ids: [String], from connection: RawConnection) throws {
    for id in ids {
      let response = try connection.response()
      guard [200, 201].contains(response.status) else {
        contradictions.append("\(id) was answered \(response.status) \(response.body)")
        continue
      }
      let receipt = try response.receipt()
      unanswered.remove(id)
      let first = acknowledged[id]
      if let first, first != receipt.position || !receipt.replayed {
        contradictions.append("\(id) has position \(first), was answered \(response.body)")
      }
      acknowledged[id] = first ?? receipt.position
    }
  }

  /// What an id stands for follows from the id, so that a repetition has the same content.
  private func request(_ id: String) -> (path: String, body: String) {
    let number = Int(id.dropFirst("request-".count)) ?? 0
    let user = users[number % users.count]
    if number % 7 == 0 {
      return ("/v1/holds", #"{"id":"\#(id)","user":"\#(user)","estimate":1,"ttl_seconds":1}"#)
    }
    return ("/v1/usage", #"{"id":"\#(id)","user":"\#(user)","tokens":\#(Self.tokens(number))}"#)
  }

  static func tokens(_ number: Int) -> Int { number % 100 + 1 }
}
