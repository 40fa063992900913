internal import EventLog
internal import Evidence
internal import Projections
internal import QuotaModel

/// One way through the whole log: it folds a handful of accounts afresh, hashes every record, and compares
/// both with what is stored.
///
/// Nothing of the projection is believed, the index of an account's events least of all: every record is
/// looked at. Memory is that of the accounts.
struct AuditPass: ~Copyable {
  /// Accounts that are folded in one pass.
  static let accountCount = 64

  private let store: Store
  private let calendar: QuotaCalendar
  private var folds: [UserID: AccountFold?]
  private var frontier = MerkleFrontier()
  private var hasher = TreeHasher()
  private(set) var position = Position.zero

  /// `users`: the accounts to be folded.
  init(of store: Store, users: [UserID]) throws(StoreFailure) {
    self.store = store
    let state = try usingProjection(
      store.generation.read { (snapshot) throws(ProjectionFailure) in try snapshot.state() })
    calendar = try TimeZones.calendar(state.calendar)
    folds = Dictionary(users.map { ($0, nil) }) { first, _ in first }
  }

  var users: [UserID] { Array(folds.keys) }

  /// Goes on through the log, `count` records at most and not behind `end`.
  mutating func proceed(
    _ count: Int, until end: Position
  ) throws(StoreFailure) {
    var left = count
    // What a closure changes must not be part of what runs it.
    var (folds, frontier, last) = (self.folds, self.frontier, position)
    var hasher = TreeHasher()
    let calendar = calendar
    try usingLog(
      store.log.scan(after: position) { (record) throws(RecordDamage) in
        guard left > 0, record.position <= end else { return .stop }
        left -= 1
        last = record.position
        frontier.append(hasher.leaf(record.bytes), using: &hasher)
        guard let user = try record.user(), folds.keys.contains(user) else { return .proceed }
        folds[user]?.apply(
          try record.fact(), at: record.position, happenedAt: record.happenedAt, in: calendar)
        return .proceed
      })
    (self.folds, self.frontier, position) = (folds, frontier, last)
  }

  /// Compares with what is answered now; nil where nothing differs.
  mutating func finding() throws(StoreFailure) -> AuditFinding? {
    if let finding = try findingAboutTree() { return finding }
    // Windows of another calendar say nothing about these: the next pass has that one.
    guard try Queries(store).calendar() == calendar else { return nil }
    for user in folds.keys.sorted() {
      if let finding = try finding(about: user) { return finding }
    }
    return nil
  }

  private mutating func findingAboutTree() throws(StoreFailure) -> AuditFinding? {
    let root = frontier.root(using: &hasher)
    let stored = try usingProofs(store.log.root(of: frontier.size))
    guard stored != root else { return nil }
    return AuditFinding(
      user: nil, text: "the Merkle tree states the root \(stored), the records have \(root)",
      position: position)
  }

  private mutating func finding(about user: UserID) throws(StoreFailure) -> AuditFinding? {
    let past = folds[user]??.past ?? PerCount(repeating: [:])
    let generation = store.generation
    let live = try usingProjection(
      generation.read { (snapshot) throws(ProjectionFailure) in
        try LiveAccount(of: user, in: snapshot, past: past)
      })
    guard let live else {
      return AuditFinding(user: user, text: "the account is gone", position: position)
    }
    // What happened since this pass began counts, too.
    try proceed(.max, until: live.position)
    guard let fresh = folds[user] ?? nil else {
      return AuditFinding(user: user, text: "by the log nobody registered it", position: position)
    }
    return AccountComparison(fresh: fresh, live: live).firstDifference.map {
      AuditFinding(user: user, text: $0, position: live.position)
    }
  }
}

/// An account as the projection has it, at one position.
struct LiveAccount {
  let account: Account
  let allowances: Allowances
  /// The open ones; nil where they are too many to be looked at.
  let holds: Set<HoldID>?
  /// What it has for some of the windows that are over.
  let past: PerCount<[Moment: TokenCount]>
  let position: Position

  /// Windows of each period that are looked at: nothing is published while they are read.
  private static let maximumPastCount = 100
  private static let maximumHoldCount = 1000

  /// nil where there is none.
  init?(
    of user: UserID, in snapshot: borrowing Snapshot, past known: PerCount<[Moment: TokenCount]>
  ) throws(ProjectionFailure) {
    guard let entry = try snapshot.account(user) else { return nil }
    let open = try snapshot.openHolds(of: entry, limit: Self.maximumHoldCount)
    holds = open.areAll ? Set(open.holds.map(\.id)) : nil
    account = entry.account
    allowances = try snapshot.allowances(of: entry.account)
    past = try PerCount { (period) throws(ProjectionFailure) in
      var used: [Moment: TokenCount] = [:]
      for start in known[period].keys.shuffled().prefix(Self.maximumPastCount) {
        used[start] = try snapshot.used(
          by: entry, in: CountedWindow(period: period, start: start))
      }
      return used
    }
    position = try snapshot.state().position
  }
}
