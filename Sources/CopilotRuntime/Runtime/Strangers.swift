internal import EventLoop

/// Clients over TCP that have not shown yet who they are, the oldest first.
///
/// There are only so many of them, and whoever opens many loses its own first: so that nobody is kept out
/// by somebody else's silent connections.
struct Strangers {
  private let limit: Int
  private var clients: [(id: ObjectIdentifier, address: PeerAddress?)] = []
  private var counts: [PeerAddress?: Int] = [:]

  init(limit: Int) { self.limit = limit }

  /// Takes one more; answers who has to go instead.
  mutating func add(_ id: ObjectIdentifier, from address: PeerAddress?) -> ObjectIdentifier? {
    clients.append((id, address))
    counts[address, default: 0] += 1
    guard clients.count > limit, let most = counts.values.max() else { return nil }
    let oldest = clients.first { counts[$0.address] == most }
    if let oldest { remove(oldest.id) }
    return oldest?.id
  }

  /// It has shown who it is, or gone.
  mutating func remove(_ id: ObjectIdentifier) {
    guard let index = clients.firstIndex(where: { $0.id == id }) else { return }
    let address = clients.remove(at: index).address
    counts[address] = counts[address].flatMap { $0 > 1 ? $0 - 1 : nil }
  }
}
