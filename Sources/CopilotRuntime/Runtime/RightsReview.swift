internal import EventLoop

/// Asks anew, in slices, what each client may do since rights have changed: there may be thousands of them.
///
/// Rights have gone at once all the same. Nothing leaves for a client that was not looked at yet without a look at
/// it (``mayBeTold(_:)``), and whoever does something for a sender or a handler asks then.
final class RightsReview: TurnTaker {
  /// Clients that are looked at before others get their turn: to close a connection costs calls of the kernel.
  private static let clientsPerSlice = 64

  private unowned let runtime: CopilotRuntime
  private let lane = TurnShares.Lane.house
  private var clients: [ObjectIdentifier: RuntimeClient] = [:]
  private var engines: [SessionEngine] = []
  private var isWaiting = false

  init(of runtime: CopilotRuntime) { self.runtime = runtime }

  /// Begins anew, with everybody.
  func begin(_ clients: [ObjectIdentifier: RuntimeClient], _ engines: some Sequence<SessionEngine>)
  {
    self.clients = clients
    self.engines = Array(engines)
    guard !isWaiting else { return }
    if runtime.loop.shares.begin(in: lane) { takeTurn() } else { waitForTurn() }
  }

  private func waitForTurn() {
    isWaiting = true
    runtime.loop.shares.wait(self, in: lane)
  }

  func takeTurn() {
    isWaiting = false
    var count = 0
    while lookAtNext() {
      count += 1
      if count == Self.clientsPerSlice || runtime.loop.shares.isSliceOver { return waitForTurn() }
    }
  }

  /// False where everybody has been looked at.
  private func lookAtNext() -> Bool {
    if let (_, client) = clients.popFirst() {
      switch runtime.right(of: client.identity) {
      case .changing: break
      case .reading: client.giveUpAnswering()
      case .none: client.connection.abort()
      }
      return true
    }
    // Also of senders who have left meanwhile.
    guard let engine = engines.popLast() else { return false }
    engine.giveUpForbidden()
    return true
  }

  /// Whether what was written for a client may leave; where it may not, its connection is closed.
  func mayBeTold(_ client: RuntimeClient) -> Bool {
    guard clients[ObjectIdentifier(client)] != nil else { return true }
    switch runtime.right(of: client.identity) {
    case .changing: clients[ObjectIdentifier(client)] = nil
    // What it had to answer is given up in its turn, not from within whoever tells it something.
    case .reading: break
    case .none:
      client.connection.abort()
      return false
    }
    return true
  }
}
