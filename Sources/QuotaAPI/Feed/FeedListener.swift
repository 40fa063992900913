internal import HTTPServer
internal import QuotaModel
internal import QuotaService

/// One client that is told events: its place in the log, from which it reads on when it has room.
final class FeedListener {
  /// Bytes that may wait for a client; further events stay in the log.
  private static let pendingByteCount = 128 << 10
  /// Bytes that are sent before others get their turn.
  private static let pieceByteCount = 32 << 10
  /// Events of the log that are sent, and looked at, before others get their turn: about a millisecond.
  private static let pageLimit = 64
  private static let scanLimit = 4096
  /// The same where an index knows the events: each is a search then.
  private static let lookLimit = 512
  /// Events that may pass before a client is told how far it has come, so that it need not come again
  /// from too far back.
  private static let silentCount: UInt64 = 10_000

  /// What a turn has led to.
  enum Outcome {
    /// There is more for it.
    case goesOn
    /// It has everything.
    case isUpToDate
    /// Its client has to read first.
    case waits
  }

  let isAllowed: () -> Bool
  /// Whether its client has to read before it gets more.
  private(set) var isWaiting = false
  /// Everything up to here was sent or is of no interest.
  private(set) var position: Position
  private let interest: EventInterest
  private let handle: StreamHandle
  /// What the client would come again with.
  private var known: Position

  init(
    _ handle: StreamHandle, _ interest: EventInterest, behind position: Position,
    whileAllowed isAllowed: @escaping () -> Bool
  ) {
    self.handle = handle
    self.interest = interest
    self.position = position
    self.isAllowed = isAllowed
    known = position
  }

  /// Its client has read everything.
  func hasRoom() { isWaiting = false }

  /// Sends what comes next, a part of it at most.
  func proceed(
    _ recent: RecentEvents, _ queries: Queries, to outlet: any StreamOutlet
  ) throws(StoreFailure) -> Outcome {
    guard position < recent.end else { return .isUpToDate }
    guard outlet.pendingBytes(handle) < Self.pendingByteCount else {
      isWaiting = true
      outlet.notifyWhenSent(handle)
      return .waits
    }
    let before = position
    var piece = position < recent.start ? try page(queries, upTo: recent.end) : part(of: recent)
    if position.rawValue - known.rawValue >= Self.silentCount { addProgress(to: &piece) }
    if !piece.isEmpty { outlet.write(piece, to: handle) }
    // The tables that know whose event it is may be behind the log: then news will come of them.
    return position > before && position < recent.end ? .goesOn : .isUpToDate
  }

  /// A sign of life, or better, how far the client has come.
  func keepAlive(to outlet: any StreamOutlet) {
    var piece: [UInt8] = []
    addProgress(to: &piece)
    outlet.write(piece.isEmpty ? FeedPiece.signOfLife : piece, to: handle)
  }

  private func addProgress(to piece: inout [UInt8]) {
    guard position > known, !interest.isAll else { return }
    piece += FeedPiece.progress(to: position)
    known = position
  }

  private func part(of recent: RecentEvents) -> [UInt8] {
    var piece: [UInt8] = []
    while piece.count < Self.pieceByteCount, let event = recent.event(after: position) {
      position = position.next
      guard interest.includes(event) else { continue }
      piece += event.bytes
      known = position
    }
    return piece
  }

  /// A page of what was long ago. Whether its client may hear what lies behind `end` has not been asked yet.
  private func page(
    _ queries: Queries, upTo end: Position
  ) throws(StoreFailure) -> [UInt8] {
    var filter = interest.filter(after: position)
    filter.until = end
    filter.limit = Self.pageLimit
    filter.maximumScanCount = interest.hasIndex ? Self.lookLimit : Self.scanLimit
    let page = try queries.events(filter)
    var piece: [UInt8] = []
    for event in page.events {
      piece += FeedPiece.bytes(of: event)
      known = event.position
    }
    let seen = page.hasMore ? page.nextAfter : max(page.nextAfter, page.head)
    position = max(position, min(seen, end))
    return piece
  }
}
