internal import QuotaModel
internal import QuotaService
internal import Sessions

/// Goes through what a session's clients were told, from a cursor on: events that are kept, from the
/// log, and among them those that are only in memory.
///
/// It knows what memory had when it was made; so it can be gone through on any thread.
struct SessionHistory: Sendable {
  /// Events of the log that are looked at in one step.
  private static let pageLength = 128
  /// Events of the log that are looked at before the reader rests: many are of kinds that clients are not
  /// told of.
  private static let maximumScanCount = 2_000

  let session: SessionRef
  private(set) var cursor: SessionCursor
  /// Up to where the log was looked at.
  private(set) var seen: Position
  /// Whether everything was told. Else the reader has rested, and the cursor goes on from there.
  private(set) var isAtEnd = false
  private let queries: Queries
  private let latestSerial: UInt64
  private var kept: ArraySlice<ClientEvent> = []
  private var remembered: ArraySlice<SessionHub.LiveEvent>
  private var isLastPage = false
  private var scannedCount = 0

  /// What a process before this one had in memory is gone: its cursors count for kept events only.
  init(of session: SessionRef, after cursor: SessionCursor, _ hub: SessionHub) {
    self.session = session
    queries = hub.queries
    latestSerial = hub.latestSerial
    let serial = cursor.epoch == hub.epoch ? cursor.serial : 0
    self.cursor = SessionCursor(place: cursor.place, epoch: hub.epoch, serial: serial)
    seen = cursor.place?.position ?? .zero
    remembered = hub.recentEvents(of: session, after: serial)[...]
  }

  /// The next event, and moves the cursor behind it; nil when all were told, or to rest.
  mutating func next() throws(StoreFailure) -> ClientEvent? {
    if kept.isEmpty && !isLastPage { try turnPage() }
    if let live = remembered.first, isDue(live) {
      remembered.removeFirst()
      cursor.serial = live.serial
      return live.event
    }
    guard let event = kept.popFirst() else {
      isAtEnd = isLastPage
      return nil
    }
    cursor.place = event.place
    return event
  }

  /// Moves the cursor behind everything that this process has in memory.
  mutating func skipRemembered() { cursor.serial = max(cursor.serial, latestSerial) }

  /// What only memory has came behind the kept event at its position.
  private func isDue(_ live: SessionHub.LiveEvent) -> Bool {
    if let first = kept.first { return live.event.position < first.position }
    return isLastPage || live.event.position <= seen
  }

  private mutating func turnPage() throws(StoreFailure) {
    while kept.isEmpty, !isLastPage, scannedCount < Self.maximumScanCount {
      let page = try queries.history(of: session, after: placeSeen, limit: Self.pageLength)
      kept = page.events[...]
      seen = max(seen, page.seen)
      isLastPage = page.isLast
      scannedCount += Self.pageLength
    }
    // Behind what was looked at in vain.
    if kept.isEmpty, !isLastPage { cursor.place = placeSeen }
  }

  private var placeSeen: SessionEventPlace? {
    guard seen > (cursor.place?.position ?? .zero) else { return cursor.place }
    return SessionEventPlace(position: seen, index: SessionEventPlace.lastIndex)
  }
}
