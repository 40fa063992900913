public import QuotaModel
public import QuotaService

/// What a ledger has to answer, worked out without tables, caches or incremental sums: every question
/// adds up all spends anew.
public struct NaiveLedger {
  struct User {
    var role: Role
    var isActive = true
    var isErased = false
    var limits = OwnLimits.none
    var modes = OwnModes.none
    var allowances: [Allowance] = []
    var spends: [Spent] = []
    var crossings: [ThresholdCrossing] = []
  }

  /// What was used, as it counts by now.
  struct Spent {
    let position: Position
    let maker: Actor
    let at: Moment
    var tokens: TokenCount
  }

  struct SetAside {
    var hold: Hold
    /// When its time to live began.
    var startedAt: Moment
    let maker: Actor
    /// How it ended; one that expired can still be settled, once.
    var end: (how: HoldEnd, at: Position)?
  }

  struct Issued {
    let user: UserID
    var startedAt: Moment
    var expiresAt: Moment?
    var isRevoked = false
  }

  var users: [UserID: User] = [:]
  var names: [String: UserID] = [:]
  var tokens: [TokenID: Issued] = [:]
  var defaults = SystemPolicy()
  /// The last event that changed a limit or a mode.
  var policy = Position.zero
  var schedules: [ScheduleID: ScheduledChange] = [:]
  let thresholds = Thresholds.standard
  /// What every event was.
  var kinds: [EventKind] = []
  var holds: [HoldID: SetAside] = [:]
  var requests: [RequestKey: Earlier] = [:]
  public var calendar: QuotaCalendar
  public private(set) var position = Position.zero
  /// When the last event was recorded.
  public private(set) var recordedAt = Moment(microseconds: .min)
  /// What the clock showed then.
  public private(set) var decidedAt = Moment(microseconds: .min)
  /// What the clock shows while a batch is decided.
  var now = Moment(microseconds: .min)

  public init(calendar: QuotaCalendar) { self.calendar = calendar }

  public var userIDs: [UserID] { users.keys.sorted() }

  /// What a batch has to be answered, if it is decided when the clock shows `clock`.
  public mutating func execute(_ submissions: [Submission], clock: Moment) -> [Answer] {
    now = clock
    restartWhatIsEarly()
    expireHolds()
    applySchedules()
    // A name is free when the batch is durable that erases whose it was.
    defer { names = names.filter { users[$0.value]?.isErased != true } }
    return submissions.map { decide($0) }
  }

  /// An event of which nothing but its place and kind matters here.
  @discardableResult
  public mutating func record(_ kind: EventKind, clock: Moment? = nil) -> Receipt {
    if let clock { now = clock }
    kinds.append(kind)
    position = position.next
    recordedAt = max(now, recordedAt)
    decidedAt = now
    return Receipt(position: position, recordedAt: recordedAt, isReplayed: false)
  }

  /// What a user's windows hold at a moment; nothing of a year that has no limit, which nobody asks for.
  public func used(by user: UserID, at moment: Moment) -> PerPeriod<TokenCount> {
    let spends = users[user]?.spends ?? []
    return PerPeriod { period in
      let limit = users[user]?.limits[period] ?? defaults.limits[period]
      if period == .yearly, limit.isUnlimited { return .zero }
      let window = calendar.window(period, containing: moment)
      let sum = spends.reduce(Int64(0)) {
        window.contains($1.at) ? $0 + $1.tokens.rawValue : $0
      }
      return TokenCount(sum) ?? .zero
    }
  }

  /// What the open holds of a user set aside.
  public func reserved(by user: UserID) -> TokenCount {
    let open = holds.values.filter { $0.hold.user == user && $0.end == nil }
    return TokenCount(open.reduce(Int64(0)) { $0 + $1.hold.tokens.rawValue }) ?? .zero
  }

  func user(_ reference: UserReference) -> UserID? {
    switch reference {
    case .id(let user): user
    case .name(let name): names[name]
    }
  }

  /// A user who is registered, and may do something.
  func active(_ reference: UserReference) -> UserID? {
    user(reference).flatMap { users[$0]?.isActive == true ? $0 : nil }
  }

  /// What was made while the clock was ahead has all its time to live from now on.
  private mutating func restartWhatIsEarly() {
    let early = holds.filter { $0.value.end == nil && $0.value.startedAt > now }
      .sorted { ($1.value.startedAt, $0.key) < ($0.value.startedAt, $1.key) }
    let issued = tokens.filter {
      !$0.value.isRevoked && $0.value.expiresAt != nil && $0.value.startedAt > now
    }
    // In the order of the starts, the latest first; at the same moment holds come first.
    var starts = early.map {
      (start: $0.value.startedAt, hold: Optional($0.key), token: TokenID?.none)
    }
    starts += issued.sorted { $0.key < $1.key }
      .map { (start: $0.value.startedAt, hold: HoldID?.none, token: Optional($0.key)) }
    let order = starts.indices.sorted { (starts[$1].start, $0) < (starts[$0].start, $1) }
    for index in order {
      if let hold = starts[index].hold { restart(hold) }
      if let token = starts[index].token { restart(token) }
    }
  }

  private mutating func restart(_ id: HoldID) {
    guard let known = holds[id] else { return }
    holds[id]?.hold.expiresAt = now.moved(known.startedAt, to: known.hold.expiresAt)
    holds[id]?.startedAt = now
    record(.holdExtended)
  }

  private mutating func restart(_ id: TokenID) {
    guard let known = tokens[id], let end = known.expiresAt else { return }
    tokens[id]?.expiresAt = now.moved(known.startedAt, to: end)
    tokens[id]?.startedAt = now
    record(.tokenIssued)
  }

  private mutating func expireHolds() {
    let due = holds.filter { $0.value.end == nil && $0.value.hold.expiresAt <= now }
      .sorted { ($0.value.hold.expiresAt, $0.key) < ($1.value.hold.expiresAt, $1.key) }
    for id in due.map(\.key) {
      let receipt = record(.holdExpired)
      holds[id]?.end = (.expired, receipt.position)
    }
  }
}

extension Moment {
  /// This moment, moved by as much as lies between two others.
  fileprivate func moved(_ start: Moment, to end: Moment) -> Moment {
    Moment(microseconds: microseconds + end.microseconds - start.microseconds)
  }
}
