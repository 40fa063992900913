import EventLoop

/// Slows down whoever sends large bodies while others are there: copying them takes the loop, and the memory for
/// them the system, most of their time, however short each piece is.
///
/// Each sender has a share of what comes, whatever the number of connections. Belongs to the loop's thread.
final class BodyPace {
  /// Bytes that have come of a body from which on it counts.
  static let largeByteCount = 65_536
  /// Bytes of one sender's bodies that are taken in a millisecond: far more events than can be recorded.
  static let bytesPerMillisecond = 65_536
  /// Nanoseconds by which a sender may be ahead of its share before it rests.
  private static let leeway: UInt64 = 1_000_000
  /// Nanoseconds by which it is at most said to be: what was taken is not held against it for ever.
  private static let longestDebt: UInt64 = 100_000_000
  /// Senders from which on those who owe nothing are forgotten.
  private static let capacity = 1024

  private unowned let loop: EventLoop
  /// When each sender will have had no more than its share.
  private var paid: [TurnShares.Lane: UInt64] = [:]
  private var resting: [(until: UInt64, connection: HTTPConnection)] = []
  private var isTicking = false

  init(_ loop: EventLoop) { self.loop = loop }

  /// Bytes of a large body were taken; its connection rests where that were too many.
  func note(_ count: Int, of connection: HTTPConnection) {
    guard loop.shares.isShared, connection.lane != .unknown else { return }
    let now = loop.shares.now
    let debt = debt(of: connection.lane, adding: count, at: now)
    guard debt > Self.leeway, !connection.isWaitingForTurn, tick() else { return }
    connection.isWaitingForTurn = true
    connection.isResting = true
    resting.append((now + debt - Self.leeway, connection))
  }

  private func debt(of lane: TurnShares.Lane, adding count: Int, at now: UInt64) -> UInt64 {
    if paid.count > Self.capacity { paid = paid.filter { $0.value > now } }
    let before = max(now, paid[lane] ?? 0) - now
    let cost = UInt64(count) * 1_000_000 / UInt64(Self.bytesPerMillisecond)
    let debt = min(before + cost, Self.longestDebt)
    paid[lane] = now + debt
    return debt
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
    // Where nobody else is there any more, or no other look can be had, all go on.
    let isForAll = !loop.shares.isShared || resting.contains { $0.until > now } && !tick()
    let due = resting.filter { isForAll || $0.until <= now }
    resting.removeAll { isForAll || $0.until <= now }
    for (_, connection) in due { loop.shares.wait(connection, in: connection.lane) }
  }
}
