internal import QuotaModel
internal import QuotaService
internal import Sessions

/// What has happened to one session and is still to be told.
struct SessionLifeNews {
  let ref: SessionRef
  let session: SessionID
  /// Who hears of it, beside those who see every session.
  let viewer: SessionViewer
  let startedAt: Moment
  private(set) var updatedAt: Moment
  private(set) var isCreated: Bool
  private(set) var isUpdated: Bool
  private(set) var isDeleted: Bool
  /// Sessions with the same viewer of which nothing is told instead.
  fileprivate(set) var omittedCount = 0
  /// The place among the others, by the first change.
  fileprivate var number: UInt64 = 0

  init(_ change: SessionLifeChange, _ session: Session) {
    ref = session.ref
    self.session = session.id
    viewer = session.user.map { .user($0) } ?? .everybody
    startedAt = session.startedAt
    updatedAt = session.updatedAt
    isCreated = change == .created
    isUpdated = change == .updated
    isDeleted = change == .deleted
  }

  /// What is said, in order. Whoever hears only now of a session hears of it as it is.
  var changes: [SessionLifeChange] {
    [(isCreated, .created), (isUpdated && !isCreated, .updated), (isDeleted, .deleted)]
      .compactMap { $0 ? $1 : nil }
  }

  fileprivate mutating func take(_ later: SessionLifeNews) {
    updatedAt = later.updatedAt
    isCreated = isCreated || later.isCreated
    isUpdated = isUpdated || later.isUpdated
    isDeleted = isDeleted || later.isDeleted
    omittedCount += later.omittedCount
  }
}

enum SessionLifeChange: String {
  case created = "session.created"
  case updated = "session.updated"
  case deleted = "session.deleted"
}

/// News that wait, one entry for each session, so that they take little memory however long they wait.
///
/// Beyond the limit only the latest is kept of those whose sessions have most, with the number of the others: a
/// client that keeps a list of sessions asks for it then, and nobody misses anything by what others do.
struct NewsBacklog {
  private let limit: Int
  private var news: [SessionRef: SessionLifeNews] = [:]
  private var counts: [SessionViewer: Int] = [:]
  private var lastNumber: UInt64 = 0

  init(limit: Int) { self.limit = limit }

  var isEmpty: Bool { news.isEmpty }
  var isFull: Bool { news.count >= limit }

  mutating func add(_ item: SessionLifeNews) {
    if news[item.ref]?.take(item) != nil { return }
    var item = item
    lastNumber += 1
    item.number = lastNumber
    news[item.ref] = item
    counts[item.viewer, default: 0] += 1
    // Where nobody has more than one, nothing can be left out.
    if news.count > limit, news.count > counts.count { shorten() }
  }

  /// Takes what waits about one session.
  mutating func take(_ ref: SessionRef) -> SessionLifeNews? {
    guard let item = news.removeValue(forKey: ref) else { return nil }
    let left = (counts[item.viewer] ?? 1) - 1
    counts[item.viewer] = left > 0 ? left : nil
    return item
  }

  /// Takes everything, in the order of the first changes.
  mutating func takeAll() -> [SessionLifeNews] {
    defer { self = NewsBacklog(limit: limit) }
    return news.values.sorted { $0.number < $1.number }
  }

  private mutating func shorten() {
    guard let viewer = counts.max(by: { $0.value < $1.value })?.key else { return }
    let theirs = news.values.filter { $0.viewer == viewer }
    guard var kept = theirs.max(by: { $0.number < $1.number }) else { return }
    for item in theirs where item.ref != kept.ref {
      news[item.ref] = nil
      kept.omittedCount += 1 + item.omittedCount
    }
    news[kept.ref] = kept
    counts[viewer] = 1
  }
}
