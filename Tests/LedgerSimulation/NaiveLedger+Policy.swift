internal import QuotaModel
internal import QuotaService

extension NaiveLedger {
  /// The limit of a period in the window that starts at `start`.
  func limit(_ period: Period, of user: UserID, inWindowStarting start: Moment) -> TokenLimit {
    let limit = users[user]?.limits[period] ?? defaults.limits[period]
    guard !limit.isUnlimited else { return limit }
    let allowed = (users[user]?.allowances ?? []).filter { $0.period == period }.reversed()
      .prefix { $0.windowStart == start }
      .reduce(Int128(0)) { $0 + Int128($1.tokens.rawValue) }
    let sum = min(Int128(limit.rawValue) + allowed, Int128(TokenLimit.range.upperBound))
    return TokenLimit(Int64(sum)) ?? .unlimited
  }

  func standing(of user: UserID) -> Standing {
    let windows = PerPeriod<Window> { calendar.window($0, containing: now) }
    let limits = Limits { limit($0, of: user, inWindowStarting: windows[$0].start) }
    let modes = Modes { users[user]?.modes[$0] ?? defaults.modes[$0] }
    return Standing(
      policy: Policy(limits: limits, modes: modes), used: used(by: user, at: now),
      reserved: reserved(by: user), windows: windows)
  }

  /// Records the thresholds that the user's latest windows have reached for the first time; where a clock
  /// that was ahead has moved those beyond now, the windows of now.
  mutating func tellCrossings(by user: UserID) {
    guard let known = users[user], let last = known.spends.map(\.at).max() else { return }
    for period in Period.allCases {
      let latest = calendar.window(period, containing: last)
      let window = latest.start > now ? calendar.window(period, containing: now) : latest
      let limit = limit(period, of: user, inWindowStarting: window.start)
      if limit.isUnlimited { continue }
      let used = self.used(by: user, at: window.start)[period]
      let told =
        known.crossings
        .filter { $0.period == period && $0.windowStart == window.start }.map(\.percent).max() ?? 0
      for percent in thresholds.percents where percent > told {
        let isReached =
          used > .zero
          && Int128(used.rawValue) * 100 >= Int128(limit.rawValue) * Int128(percent)
        guard isReached else { continue }
        record(.thresholdCrossed)
        users[user]?.crossings.append(
          ThresholdCrossing(
            user: user, period: period, windowStart: window.start, percent: percent,
            limit: limit, used: used))
      }
    }
  }

  mutating func setLimits(
    of reference: UserReference, _ updates: LimitUpdates, _ modes: ModeUpdates
  ) -> Answer {
    guard let user = active(reference), let old = users[user] else {
      return .failed(.unknownUser)
    }
    let limits = OwnLimits { Self.updated(old.limits[$0], by: updates[$0]) }
    let newModes = OwnModes { Self.updated(old.modes[$0], by: modes[$0]) }
    var receipt: Receipt?
    if limits != old.limits { receipt = change(limits, of: user) }
    if newModes != old.modes {
      users[user]?.modes = newModes
      receipt = record(.modesChanged)
      policy = position
    }
    return receipt.map(Answer.recorded) ?? .unchanged
  }

  private mutating func change(_ limits: OwnLimits, of user: UserID) -> Receipt {
    users[user]?.limits = limits
    let receipt = record(.limitsChanged)
    policy = receipt.position
    tellCrossings(by: user)
    return receipt
  }

  static func updated<Value>(_ old: Value?, by update: OptionalUpdate<Value>) -> Value? {
    switch update {
    case .keep: old
    case .set(let new): new
    case .unset: nil
    }
  }

  mutating func setDefaults(_ updates: LimitUpdates, _ modes: ModeUpdates) -> Answer {
    var receipt: Receipt?
    let limits = Limits { Self.updated(defaults.limits[$0], by: updates[$0]) ?? .unlimited }
    if limits != defaults.limits { receipt = change(defaults: limits) }
    let newModes = Modes { Self.updated(defaults.modes[$0], by: modes[$0]) ?? .hard }
    if newModes != defaults.modes {
      defaults.modes = newModes
      receipt = record(.modesChanged)
      policy = position
    }
    return receipt.map(Answer.recorded) ?? .unchanged
  }

  private mutating func change(defaults limits: Limits) -> Receipt {
    defaults.limits = limits
    let receipt = record(.defaultsChanged)
    policy = receipt.position
    return receipt
  }

  mutating func schedule(
    _ updates: LimitUpdates, of reference: UserReference?, _ effectiveAt: Moment
  ) -> Answer {
    var user: UserID?
    if let reference {
      guard let found = active(reference) else { return .failed(.unknownUser) }
      user = found
    }
    guard effectiveAt > now else { return .failed(.notInTheFuture) }
    let receipt = record(.limitsScheduled)
    schedules[ScheduleID(receipt.position)] = ScheduledChange(
      user: user, updates: updates, effectiveAt: effectiveAt)
    return .recorded(receipt)
  }

  mutating func cancel(_ schedule: ScheduleID) -> Answer {
    guard (1...kinds.count).contains(Int(clamping: schedule.position.rawValue)),
      kinds[Int(schedule.position.rawValue) - 1] == .limitsScheduled
    else { return .failed(.unknownSchedule) }
    guard schedules.removeValue(forKey: schedule) != nil else { return .unchanged }
    return .recorded(record(.scheduleEnded))
  }

  mutating func applySchedules() {
    let due = schedules.filter { $0.value.effectiveAt <= now }
      .sorted { ($0.value.effectiveAt, $0.key) < ($1.value.effectiveAt, $1.key) }
    for (id, change) in due {
      schedules[id] = nil
      if let user = change.user {
        let old = users[user]?.limits ?? .none
        let new = OwnLimits { Self.updated(old[$0], by: change.updates[$0]) }
        if new != old { _ = self.change(new, of: user) }
      } else {
        let new = Limits {
          Self.updated(defaults.limits[$0], by: change.updates[$0]) ?? .unlimited
        }
        if new != defaults.limits { _ = self.change(defaults: new) }
      }
      record(.scheduleEnded)
    }
  }

  mutating func allow(
    _ tokens: TokenCount, _ period: Period, to reference: UserReference, _ submission: Submission
  ) -> Answer {
    guard let user = active(reference) else { return .failed(.unknownUser) }
    if let earlier = earlier(submission) {
      guard case .allowed(let first, let receipt) = earlier else {
        return conflict("type", earlier)
      }
      if first.user != user { return conflict("user", earlier) }
      if first.period != period { return conflict("period", earlier) }
      if first.tokens != tokens { return conflict("tokens", earlier) }
      return .recorded(receipt.repeated)
    }
    if (users[user]?.limits[period] ?? defaults.limits[period]).isUnlimited {
      return .failed(.unlimited(period))
    }
    let allowance = Allowance(
      user: user, period: period, windowStart: calendar.window(period, containing: now).start,
      tokens: tokens)
    users[user]?.allowances.append(allowance)
    let receipt = record(.allowanceGranted)
    policy = receipt.position
    remember(.allowed(allowance, receipt), submission)
    return .recorded(receipt)
  }

  mutating func correct(
    _ target: CorrectionTarget, _ usage: TokenUsage, _ submission: Submission
  ) -> Answer {
    let place = position(of: target, submission)
    if let earlier = earlier(submission) {
      guard case .corrected(let first, let firstUsage, let receipt) = earlier else {
        return conflict("type", earlier)
      }
      if place != first { return conflict("position", earlier) }
      if usage.input != firstUsage.input { return conflict("input_tokens", earlier) }
      if usage.output != firstUsage.output { return conflict("output_tokens", earlier) }
      if usage != firstUsage { return conflict("tokens", earlier) }
      return .recorded(receipt.repeated)
    }
    guard let place, (1...kinds.count).contains(Int(clamping: place.rawValue)) else {
      return .failed(.unknownEvent)
    }
    guard let (user, index) = spend(at: place), let spent = users[user]?.spends[index] else {
      return .failed(.notCorrectable(kinds[Int(place.rawValue) - 1]))
    }
    if case .user(let corrector) = submission.actor, spent.maker != submission.actor,
      users[corrector]?.role != .staff
    {
      return .failed(.foreignEvent)
    }
    users[user]?.spends[index].tokens = .zero
    guard fits(usage, of: user) else {
      users[user]?.spends[index].tokens = spent.tokens
      return .failed(.overflow)
    }
    users[user]?.spends[index].tokens = usage.total
    let receipt = record(.usageCorrected)
    tellCrossings(by: user)
    remember(.corrected(place, usage, receipt), submission)
    return .recorded(receipt)
  }

  private func position(of target: CorrectionTarget, _ submission: Submission) -> Position? {
    switch target {
    case .position(let position): position
    case .request(let id):
      requests[RequestKey(actor: submission.actor, id: id)].map(\.receipt.position)
    }
  }

  private func spend(at position: Position) -> (user: UserID, index: Int)? {
    for (user, known) in users {
      if let index = known.spends.firstIndex(where: { $0.position == position }) {
        return (user, index)
      }
    }
    return nil
  }
}
