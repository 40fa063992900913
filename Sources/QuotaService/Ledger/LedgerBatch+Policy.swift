internal import Projections
internal import QuotaModel

extension LedgerBatch {
  mutating func setLimits(
    of reference: UserReference, _ updates: LimitUpdates, _ modes: ModeUpdates,
    _ submission: Submission
  ) throws(StoreFailure) -> Answer {
    guard let account = try account(reference)?.account, account.isActive else {
      return .failed(.unknownUser)
    }
    let limits = account.ownLimits.changes(to: account.ownLimits.applying(updates))
    let newModes = OwnModes { modes[$0].applied(to: account.ownModes[$0]) }
    return try record(
      limits.isEmpty ? nil : .limitsChanged(account.user, limits),
      modes: account.ownModes.changes(to: newModes), of: account.user, submission)
  }

  mutating func setDefaults(
    _ limits: LimitUpdates, _ modes: ModeUpdates, _ submission: Submission
  ) throws(StoreFailure) -> Answer {
    let old = OwnLimits { fold.state.defaults.limits[$0] }
    let changes = old.changes(to: OwnLimits { limits[$0].applied(to: old[$0]) ?? .unlimited })
    let oldModes = OwnModes { fold.state.defaults.modes[$0] }
    let newModes = OwnModes { modes[$0].applied(to: oldModes[$0]) ?? .hard }
    return try record(
      changes.isEmpty ? nil : .defaultsChanged(changes), modes: oldModes.changes(to: newModes),
      of: nil, submission)
  }

  private mutating func record(
    _ limits: Fact?, modes: [ModeChange], of user: UserID?, _ submission: Submission
  ) throws(StoreFailure) -> Answer {
    var receipt: Receipt?
    if let limits { receipt = try record(limits, for: submission) }
    if !modes.isEmpty {
      receipt = try record(
        .modesChanged(user, modes), for: submission, withRequestID: receipt == nil)
    }
    return receipt.map(Answer.recorded) ?? .unchanged
  }

  // MARK: Later

  mutating func schedule(
    _ updates: LimitUpdates, of reference: UserReference?, effectiveAt: Moment,
    _ submission: Submission
  ) throws(StoreFailure) -> Answer {
    var user: UserID?
    if let reference {
      guard let account = try account(reference)?.account, account.isActive else {
        return .failed(.unknownUser)
      }
      user = account.user
    }
    let change = ScheduledChange(user: user, updates: updates, effectiveAt: effectiveAt)
    if let earlier = try earlierEvent(of: submission) { return Self.replay(earlier, of: change) }
    guard effectiveAt > now else { return .failed(.notInTheFuture) }
    return .recorded(try record(.limitsScheduled(change), for: submission))
  }

  private static func replay(_ event: Event, of change: ScheduledChange) -> Answer {
    guard case .limitsScheduled(let first) = event.fact else {
      return event.conflict(in: "type")
    }
    let differences =
      [
        ("user", first.user != change.user),
        ("effective_at", first.effectiveAt != change.effectiveAt),
      ]
      + Period.allCases.map {
        ($0.limitName.description, first.updates[$0] != change.updates[$0])
      }
    if let conflict = event.conflict(differences) { return conflict }
    return .recorded(Receipt(replaying: event))
  }

  mutating func cancel(
    _ schedule: ScheduleID, _ submission: Submission
  ) throws(StoreFailure) -> Answer {
    guard schedule.position <= fold.state.position,
      case .limitsScheduled(let change) = try event(at: schedule.position)?.fact
    else { return .failed(.unknownSchedule) }
    let isOpen = try usingProjection(fold.isScheduled(schedule, at: change.effectiveAt))
    guard isOpen else { return .unchanged }
    return .recorded(
      try record(
        .scheduleEnded(schedule, user: change.user, wasApplied: false), for: submission))
  }

  /// Makes the changes whose time has come; answers whether those were all.
  mutating func applySchedules() throws(StoreFailure) -> Bool {
    let limit = 1024
    let due = try usingProjection(fold.dueSchedules(at: now, limit: limit))
    for (id, change) in due {
      if let fact = try limitsChanged(by: change) { _ = try record(fact) }
      _ = try record(.scheduleEnded(id, user: change.user, wasApplied: true))
    }
    return due.count < limit
  }

  /// What a scheduled change changes now; nil where everything is so already.
  private mutating func limitsChanged(
    by change: ScheduledChange
  ) throws(StoreFailure) -> Fact? {
    guard let user = change.user else {
      let old = OwnLimits { fold.state.defaults.limits[$0] }
      let new = OwnLimits { change.updates[$0].applied(to: old[$0]) ?? .unlimited }
      let changes = old.changes(to: new)
      return changes.isEmpty ? nil : .defaultsChanged(changes)
    }
    guard let account = try account(user)?.account else { return nil }
    let changes = account.ownLimits.changes(to: account.ownLimits.applying(change.updates))
    return changes.isEmpty ? nil : .limitsChanged(user, changes)
  }

  // MARK: On top

  /// Allows tokens on top of a limit until its current window ends.
  mutating func allow(
    _ tokens: TokenCount, _ period: Period, to reference: UserReference, _ submission: Submission
  ) throws(StoreFailure) -> Answer {
    guard let entry = try account(reference), entry.account.isActive else {
      return .failed(.unknownUser)
    }
    let user = entry.account.user
    if let earlier = try earlierEvent(of: submission) {
      return Self.replay(earlier, of: tokens, period, to: user)
    }
    let limit = entry.account.ownLimits[period] ?? fold.state.defaults.limits[period]
    if limit.isUnlimited { return .failed(.unlimited(period)) }
    let window = fold.windows(containing: now)[period]
    let allowance = Allowance(
      user: user, period: period, windowStart: window.start, tokens: tokens)
    return .recorded(try record(.allowanceGranted(allowance), for: submission))
  }

  private static func replay(
    _ event: Event, of tokens: TokenCount, _ period: Period, to user: UserID
  ) -> Answer {
    guard case .allowanceGranted(let first) = event.fact else {
      return event.conflict(in: "type")
    }
    let differences = [
      ("user", first.user != user), ("period", first.period != period),
      ("tokens", first.tokens != tokens),
    ]
    if let conflict = event.conflict(differences) { return conflict }
    return .recorded(Receipt(replaying: event))
  }
}

extension PerPeriod where Value == TokenLimit? {
  fileprivate func applying(_ updates: LimitUpdates) -> OwnLimits {
    OwnLimits { updates[$0].applied(to: self[$0]) }
  }
}
