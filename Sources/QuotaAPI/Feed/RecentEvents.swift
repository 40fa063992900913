internal import QuotaModel

/// The events that the log took last, read and written once for all who listen.
struct RecentEvents {
  static let maximumCount = 4096
  static let maximumByteCount = 2 << 20

  /// Events up to here are not in it (any more).
  private(set) var start: Position
  /// The last event in it; `start` where it has none.
  private(set) var end: Position
  private var events: [FeedEvent] = []
  /// Events before this place have been let go.
  private var first = 0
  private var byteCount = 0

  init(behind position: Position) {
    start = position
    end = position
  }

  /// Appends the event behind `end`; the oldest go when there are too many.
  mutating func append(_ event: FeedEvent) {
    events.append(event)
    byteCount += event.bytes.count
    end = end.next
    while events.count - first > Self.maximumCount || byteCount > Self.maximumByteCount {
      byteCount -= events[first].bytes.count
      first += 1
      start = start.next
    }
    // Each is moved at most once for each that comes.
    if first > events.count / 2 {
      events.removeFirst(first)
      first = 0
    }
  }

  /// The event behind `position`, which is one of `start` to `end`; nil behind the last.
  func event(after position: Position) -> FeedEvent? {
    guard position >= start, position < end else { return nil }
    return events[first + Int(position.rawValue - start.rawValue)]
  }
}
