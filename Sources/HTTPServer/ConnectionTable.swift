/// The open connections, by slot and generation.
struct ConnectionTable {
  private var slots: [HTTPConnection?] = []
  private var generations: [UInt64] = []
  private var free: [Int] = []

  var count: Int { slots.count - free.count }

  /// All of them as they are now; they may be removed meanwhile.
  var all: [HTTPConnection] { slots.compactMap { $0 } }

  /// What the next connection to be added has to be called; no other has had that name.
  var nextID: ConnectionID {
    guard let slot = free.last else { return ConnectionID(slot: slots.count, generation: 0) }
    return ConnectionID(slot: slot, generation: generations[slot] + 1)
  }

  mutating func add(_ connection: HTTPConnection) {
    let id = connection.id
    precondition(id == nextID, "a connection has to bear the next name")
    if free.popLast() == nil {
      slots.append(connection)
      generations.append(id.generation)
    } else {
      slots[id.slot] = connection
      generations[id.slot] = id.generation
    }
  }

  subscript(id: ConnectionID) -> HTTPConnection? {
    guard slots.indices.contains(id.slot), generations[id.slot] == id.generation else { return nil }
    return slots[id.slot]
  }

  mutating func remove(_ id: ConnectionID) {
    guard self[id] != nil else { return }
    slots[id.slot] = nil
    free.append(id.slot)
  }
}
