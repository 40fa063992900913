import EventLoop

/// Slows down whoever sends large bodies while others are there: copying them takes the loop, and the memory for
/// them the system, most of their time, however short each piece is.
///
/// Each sender has a share of what comes, whatever the number of connections. Belongs to the loop's thread.
final class BodyPace {
  /// Bytes of one sender's bodies that are taken in a millisecond: far more events than can be recorded.
  static let bytesPerMillisecond = 65_536
  /// Nanoseconds by which a sender may be ahead of its share before it rests.
  static let leeway: UInt64 = 1_000_000

  private unowned let loop: EventLoop
  /// When each sender will have had no more than its share.
  private var paid: [TurnShares.Lane: UInt64] = [:]
  private var resting: [(until: UInt64, connection: HTTPConnection)] = []
  private var isTicking = false

  init(_ loop: EventLoop) { self.loop = loop }

  /// Bytes of a body have come; its connection rests where that were too many.
  func note(_ count: Int, of connection: HTTPConnection) {
    guard loop.shares.isShared else { return }
    let now = loop.shares.now
    let cost = UInt64(count) * 1_000_000 / UInt64(Self.bytesPerMillisecond)
    let paid = max(now, self.paid[connection.lane] ?? 0) + cost
    self.paid[connection.lane] = paid
    guard paid > now + Self.leeway, !connection.isWaitingForTurn, tick() else { return }
    connection.isWaitingForTurn = true
    connection.isResting = true
    resting.append((paid - Self.leeway, connection))
  }

  /// Looks at those who rest a millisecond from now; false where that cannot be, and nobody may rest.
  private func tick() -> Bool {
    if isTicking { return true }
    isTicking = (try? loop.schedule(after: 1) { [unowned self] in wake() }) != nil
    return isTicking
  }

  private func wake() {
    isTicking = false
    let now = loop.shares.now
    paid = paid.filter { $0.value > now }
    // Where no other look can be had, all go on.
    let isLast = resting.contains { $0.until > now } && !tick()
    let due = resting.filter { isLast || $0.until <= now }
    resting.removeAll { isLast || $0.until <= now }
    for (_, connection) in due { loop.shares.wait(connection, in: connection.lane) }
  }
}
