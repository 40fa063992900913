public import QuotaModel

/// Hands commands to the committer in such a way that everybody gets on.
///
/// A commit takes what waits, and answers all of it together: so nobody may have the committer flooded.
/// Commands wait here, in a lane for each actor; of a lane only so many are under way at a time. Belongs to
/// the loop's thread.
public final class CommandLanes {
  /// Commands that are held for all together.
  ///
  /// One actor may hold as many as are still free for others: half of them while nobody else has any.
  public static let capacity = 131_072
  /// Commands of one actor that are under way while others ask for something as well: a millisecond or two.
  static let sharedWindow = 128
  /// The same while nobody else does: large commits are cheap ones.
  static let ownWindow = 4_096
  /// Nanoseconds for which somebody counts as there after the last command.
  static let presence: UInt64 = 2_000_000_000

  /// The losses of rights that the loop has heard of, and acted upon: what comes now was asked for them.
  public var rights = RightsEpoch.first
  /// Told the numbers of commands that were refused.
  public var onRefusal: [(UInt64) -> Void] = []

  private let committer: Committer
  private var lanes: [Lane] = []
  private var free: [Int] = []
  private var indices: [Actor: Int] = [:]
  private var latest: (actor: Actor, index: Int)?
  private var handed = HandedCommands()
  /// On its way to the committer, whose memory of the last time it has: fresh memory for thousands of commands
  /// costs a page fault every 4 KiB.
  private var outbox: [Committer.Ticket] = []
  private var heldCount = 0
  private var refused: [UInt64] = []
  /// Nanoseconds that only go on.
  private let now: () -> UInt64
  private var isMixed = false
  /// Until when an actor who came behind another one counts as there.
  private var sharedUntil: UInt64 = 0

  private struct Lane {
    let actor: Actor
    var underWay = 0
    private var waiting: [Committer.Ticket] = []
    /// Those before have been handed over: moving the others each time would cost as much as the flood.
    private var first = 0
    /// Beside the others, so that nobody waits for one's own batch, nor a batch for ever.
    private var batches = WaitingBatches()

    init(actor: Actor) { self.actor = actor }

    private var singleCount: Int { waiting.count - first }
    var waitingCount: Int { singleCount + batches.count }
    var count: Int { waitingCount + underWay }

    mutating func add(_ ticket: Committer.Ticket) { waiting.append(ticket) }
    mutating func add(_ batch: CommandBatch) { batches.add(batch) }

    /// Moves the first `count` that wait behind what is in `outbox`.
    mutating func move(_ count: Int, to outbox: inout [Committer.Ticket]) {
      underWay += count
      let single = min(singleCount, max(count - batches.count, (count + 1) / 2))
      if single > 0 { moveSingle(single, to: &outbox) }
      if single < count { batches.move(count - single, to: &outbox) }
    }

    private mutating func moveSingle(_ count: Int, to outbox: inout [Committer.Ticket]) {
      if outbox.isEmpty, first == 0, count == waiting.count { return swap(&outbox, &waiting) }
      outbox.append(contentsOf: waiting[first..<(first + count)])
      first += count
      guard first > waiting.count / 2 else { return }
      waiting.removeFirst(first)
      first = 0
    }
  }

  public init(_ committer: Committer, now: @escaping () -> UInt64 = System.monotonicNanoseconds) {
    self.committer = committer
    self.now = now
  }

  /// Whether `count` commands of an actor may come; those of a batch come all or none.
  public func hasRoom(for count: Int, from actor: Actor) -> Bool {
    let own = indices[actor].map { lanes[$0].count } ?? 0
    // What each of them takes is free for nobody any more.
    return own + count <= Self.capacity - heldCount - count
  }

  /// Takes a command; there is an answer to come for it, or a refusal.
  public func submit(_ ticket: Committer.Ticket) {
    let index = lane(of: ticket.submission.actor)
    guard lanes[index].count < Self.capacity - heldCount else {
      return refused.append(ticket.number)
    }
    lanes[index].add(ticket)
    heldCount += 1
  }

  /// Takes a batch for which there ``hasRoom(for:from:)``; there are answers to come as to single commands.
  public func submit(_ batch: CommandBatch, by actor: Actor) {
    guard batch.count > 0 else { return }
    let index = lane(of: actor)
    heldCount += batch.count
    if batch.count > Self.sharedWindow { return lanes[index].add(batch) }
    // What follows upon a small one finds it done.
    for number in 0..<batch.count { lanes[index].add(batch.ticket(number)) }
  }

  /// Hands over what may go now. To be called at the end of every turn.
  public func flush() {
    if handed.count < heldCount { handOver() }
    guard !refused.isEmpty else { return }
    let numbers = refused
    refused = []
    for number in numbers { for tell in onRefusal { tell(number) } }
  }

  /// So many commands have been answered, the first that were handed over.
  public func answered(_ count: Int) {
    handed.remove(count) { (index, count) in
      lanes[index].underWay -= count
      heldCount -= count
      if lanes[index].count == 0 { remove(index) }
    }
  }

  private func window() -> Int {
    let now = now()
    if isMixed { sharedUntil = now + Self.presence }
    isMixed = false
    return now < sharedUntil ? Self.sharedWindow : Self.ownWindow
  }

  private func handOver() {
    let window = window()
    var room = Committer.queueCapacity - handed.count
    for index in lanes.indices where lanes[index].waitingCount > 0 {
      let count = min(window - lanes[index].underWay, lanes[index].waitingCount, room)
      guard count > 0 else { continue }
      room -= count
      handed.add(count, of: index)
      lanes[index].move(count, to: &outbox)
    }
    committer.submit(&outbox)
    if !outbox.isEmpty { refuseRest() }
  }

  /// The committer takes no more: it has been stopped.
  private func refuseRest() {
    defer { outbox.removeAll(keepingCapacity: true) }
    for ticket in outbox.reversed() {
      refused.append(ticket.number)
      let index = handed.removeLast()
      lanes[index].underWay -= 1
      heldCount -= 1
      if lanes[index].count == 0 { remove(index) }
    }
  }

  private func lane(of actor: Actor) -> Int {
    if let latest, latest.actor == actor { return latest.index }
    let before = latest
    let index = indices[actor] ?? add(actor)
    latest = (actor, index)
    guard let before else { return index }
    isMixed = true
    if lanes[before.index].count == 0 { remove(before.index) }
    return index
  }

  private func add(_ actor: Actor) -> Int {
    let index = free.popLast() ?? lanes.count
    if index == lanes.count {
      lanes.append(Lane(actor: actor))
    } else {
      lanes[index] = Lane(actor: actor)
    }
    indices[actor] = index
    return index
  }

  /// The latest lane stays: most commands follow one of the same actor.
  private func remove(_ index: Int) {
    guard latest?.index != index else { return }
    indices[lanes[index].actor] = nil
    free.append(index)
  }
}

/// Many commands of one actor. They are made when it is their turn, as many as then go: to make ten
/// thousand at once takes as long as nobody may keep the loop.
public struct CommandBatch {
  let count: Int
  /// Makes the ticket of the command at an index; asked once for each, in their order.
  let ticket: (Int) -> Committer.Ticket

  public init(count: Int, ticket: @escaping (Int) -> Committer.Ticket) {
    self.count = count
    self.ticket = ticket
  }
}

/// Batches of which something is still to be made, the first one first.
private struct WaitingBatches {
  private var batches: [CommandBatch] = []
  /// Commands of the first batch that have been made.
  private var made = 0
  private(set) var count = 0

  mutating func add(_ batch: CommandBatch) {
    batches.append(batch)
    count += batch.count
  }

  mutating func move(_ wanted: Int, to outbox: inout [Committer.Ticket]) {
    count -= wanted
    var left = wanted
    while left > 0 {
      let batch = batches[0]
      let end = min(made + left, batch.count)
      for index in made..<end { outbox.append(batch.ticket(index)) }
      left -= end - made
      made = end
      if made == batch.count {
        batches.removeFirst()
        made = 0
      }
    }
  }
}

/// Whose commands are under way, in the order in which they are answered.
private struct HandedCommands {
  private var runs: [(index: Int, count: Int)] = []
  private var first = 0
  private(set) var count = 0

  mutating func add(_ count: Int, of index: Int) {
    runs.append((index, count))
    self.count += count
  }

  mutating func remove(_ count: Int, _ tell: (_ index: Int, _ count: Int) -> Void) {
    var left = min(count, self.count)
    self.count -= left
    while left > 0 {
      let taken = min(left, runs[first].count)
      tell(runs[first].index, taken)
      runs[first].count -= taken
      left -= taken
      if runs[first].count == 0 { first += 1 }
    }
    if first == runs.count || first > 1024 {
      runs.removeFirst(first)
      first = 0
    }
  }

  /// Takes the last one back, and tells whose it was.
  mutating func removeLast() -> Int {
    let last = runs.count - 1
    let index = runs[last].index
    runs[last].count -= 1
    if runs[last].count == 0 { runs.removeLast() }
    count -= 1
    return index
  }
}
