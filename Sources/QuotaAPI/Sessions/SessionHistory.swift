internal import QuotaModel
internal import QuotaService
internal import Sessions

/// Goes through what a session's clients were told, from a cursor on: events that are kept, from the
/// log, and among them those that are only in memory.
struct SessionHistory {
  /// Events of the log that are looked at in one step.
  private static let pageLength = 128

  let session: SessionRef
  private(set) var cursor: SessionCursor
  /// Up to where the log was looked at.
  private(set) var seen: Position
  private let hub: SessionHub
  private var kept: ArraySlice<ClientEvent> = []
  private var remembered: ArraySlice<SessionHub.LiveEvent>
  private var isLastPage = false

  /// What a process before this one had in memory is gone: its cursors count for kept events only.
  init(of session: SessionRef, after cursor: SessionCursor, _ hub: SessionHub) {
    self.session = session
    self.hub = hub
    let serial = cursor.epoch == hub.epoch ? cursor.serial : 0
    self.cursor = SessionCursor(place: cursor.place, epoch: hub.epoch, serial: serial)
    seen = cursor.place?.position ?? .zero
    remembered = hub.recentEvents(of: session, after: serial)[...]
  }

  /// The next event, and moves the cursor behind it; nil when all were told.
  mutating func next() throws(StoreFailure) -> ClientEvent? {
    if kept.isEmpty && !isLastPage { try turnPage() }
    // What only memory has came behind the kept event at its position.
    if let live = remembered.first, kept.first.map({ live.event.position < $0.position }) ?? true {
      remembered.removeFirst()
      cursor.serial = live.serial
      return live.event
    }
    guard let event = kept.popFirst() else { return nil }
    cursor.place = event.place
    return event
  }

  /// Moves the cursor behind everything that this process has in memory.
  mutating func skipRemembered() { cursor.serial = hub.latestSerial }

  private mutating func turnPage() throws(StoreFailure) {
    // Events of the log that clients are not told of make pages without any.
    while kept.isEmpty && !isLastPage {
      let place =
        seen > (cursor.place?.position ?? .zero)
        ? SessionEventPlace(position: seen, index: SessionEventPlace.lastIndex) : cursor.place
      let page = try hub.history(of: session, after: place, limit: Self.pageLength)
      kept = page.events[...]
      seen = max(seen, page.seen)
      isLastPage = page.isLast
    }
  }
}
