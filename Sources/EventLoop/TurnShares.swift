/// Shares a loop's time among those who have more to do than fits into one turn.
///
/// Whoever has had a slice, or comes when the turn's time is over, waits in a lane: the lane of whom the
/// work is for. Lanes are served one after the other, so that somebody with a thousand connections gets
/// no more than somebody with one. Belongs to the loop's thread.
public final class TurnShares {
  /// Whom work is for; those whom nobody knows yet share one lane.
  public struct Lane: Hashable, Sendable {
    let number: UInt64

    public static let unknown = Lane(number: 0)
    /// What is done for everybody.
    public static let house = Lane(number: .max)

    /// The lane of somebody who is known by a number, of which zero is nobody's.
    public init(number: UInt64) { self.number = number }
  }

  /// Nanoseconds that one has before others get their turn.
  static let slice: UInt64 = 250_000
  /// Nanoseconds of a turn in which what comes is served at once.
  static let fresh: UInt64 = 2_000_000
  /// The same while more than one has something to do.
  static let sharedFresh: UInt64 = 500_000
  /// Nanoseconds for which somebody counts as there after the last time.
  static let presence: UInt64 = 2_000_000_000
  /// Nanoseconds of a turn in which those who wait are served.
  static let waiting: UInt64 = 500_000

  private let clock: TurnClock
  private var queues: [Lane: WaitingQueue<any TurnTaker>] = [:]
  /// Lanes in which somebody waits, the next one first.
  private var order = WaitingQueue<Lane>()
  private var sliceEnd: UInt64 = 0
  /// The end of the turn's time for what comes; zero until something has come.
  private var freshEnd: UInt64 = 0
  private var isUnknown = false
  private var latest = Lane.unknown
  /// Until when more than one counts as there.
  private var sharedUntil: UInt64 = 0

  init(_ clock: TurnClock) { self.clock = clock }

  /// Whether somebody waits, so that the loop must not sleep.
  public var isAwaited: Bool { !order.isEmpty }

  /// Begins a slice for what has just come; false where it has to ``wait(_:in:)``, because others wait
  /// already or the turn's time is over.
  public func begin(in lane: Lane) -> Bool {
    let now = clock.now()
    note(lane, at: now)
    guard order.isEmpty else { return false }
    if freshEnd == 0 { freshEnd = now + (now < sharedUntil ? Self.sharedFresh : Self.fresh) }
    guard now < freshEnd else { return false }
    startSlice(at: now, in: lane)
    return true
  }

  private func note(_ lane: Lane, at now: UInt64) {
    // Somebody who is unknown may be the one who is known.
    guard lane != .unknown, lane != .house, lane != latest else { return }
    if latest != .unknown { sharedUntil = now + Self.presence }
    latest = lane
  }

  /// Whether more than one has had something to do of late.
  public var isShared: Bool { now < sharedUntil }

  /// Nanoseconds that only go on.
  public var now: UInt64 { clock.now() }

  /// Whether others get their turn now.
  ///
  /// Of those whom nobody knows yet each is heard once, while others wait: then it is known whose they are.
  public var isSliceOver: Bool { isUnknown && isAwaited || clock.now() >= sliceEnd }

  /// Puts somebody at the end of a lane; a slice begins when its turn has come.
  public func wait(_ taker: any TurnTaker, in lane: Lane) {
    guard queues[lane] == nil else {
      queues[lane]?.add(taker)
      return
    }
    queues[lane] = WaitingQueue(taker)
    order.add(lane)
  }

  /// Serves those who wait, lane by lane, until the time for them is over.
  func serve() {
    guard isAwaited else { return }
    clock.begin()
    let end = clock.now() + Self.waiting
    repeat {
      guard let (taker, lane) = next() else { return }
      startSlice(at: clock.now(), in: lane)
      taker.takeTurn()
    } while clock.now() < end
  }

  /// Another turn, another time for what comes.
  func endTurn() { freshEnd = 0 }

  private func startSlice(at now: UInt64, in lane: Lane) {
    isUnknown = lane == .unknown
    sliceEnd = now + Self.slice
  }

  private func next() -> (any TurnTaker, Lane)? {
    guard let lane = order.take(), let taker = queues[lane]?.take() else { return nil }
    if queues[lane]?.isEmpty == true { queues[lane] = nil } else { order.add(lane) }
    return (taker, lane)
  }
}

/// Somebody who waits for a slice of the loop's time.
public protocol TurnTaker: AnyObject {
  /// Goes on, for one slice at most.
  func takeTurn()
}

/// Those who wait, the first one first.
struct WaitingQueue<Element> {
  private var elements: [Element?] = []
  private var first = 0

  init() {}

  init(_ element: Element) { elements = [element] }

  var isEmpty: Bool { first == elements.count }

  mutating func add(_ element: Element) { elements.append(element) }

  mutating func take() -> Element? {
    guard !isEmpty else { return nil }
    let element = elements[first].take()
    first += 1
    if first > elements.count / 2 {
      elements.removeFirst(first)
      first = 0
    }
    return element
  }
}
