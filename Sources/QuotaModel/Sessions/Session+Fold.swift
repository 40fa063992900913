extension Session {
  /// Takes the next event of the session into account. It happened, so nothing is refused.
  public mutating func apply(_ fact: SessionFact, at position: Position, recordedAt: Moment) {
    updatedAt = recordedAt
    let callChange = callChange(by: fact, at: position)
    switch fact {
    case .resumed:
      phase = .open
    case .limitChanged(let change):
      limit = change.new
    case .modelChanged(let model):
      self.model = model
    case .messageReceived:
      counts.userMessages += 1
    case .callAdmitted(let admission):
      if let turn = admission.turn { counts.turns = turn }
    case .usageRecorded(let usage):
      count(usage)
    case .exhaustionRequested(let request):
      self.request = request
    case .exhaustionAnswered:
      request = nil
    case .warned(.unknownPrice(let model, isRefused: _)):
      if warnedModels.count < Self.maximumModelCount { warnedModels.append(model) }
    case .optionIgnored(let name):
      if ignoredOptions.count < Self.maximumIgnoredOptionCount { ignoredOptions.append(name) }
    case .windowStarted(let number):
      window = SessionWindow(
        number: number, startedAt: recordedAt, base: total, dearestCall: .zero)
    case .closed:
      phase = .closed
    case .deleted:
      phase = .deleted
    case .callEnded, .callExtended, .messageAnswered, .turnEnded, .checkpointed, .warned, .failed,
      .aborted:
      break
    }
    if let callChange { apply(callChange) }
    let durableCount = fact.durableEventCount
    guard durableCount > 0 else { return }
    counts.durableEvents += UInt64(durableCount)
    lastEvent = SessionEventPlace(position: position, index: UInt8(durableCount - 1))
  }

  private mutating func count(_ usage: SessionUsage) {
    let amount = amount(counting: usage)
    counts.count(usage, settlesLostCall: estimate(settledBy: usage) != nil)
    if let call = usage.call { remember(call, endedBy: usage) }
    total = total.addingClamped(amount)
    window.dearestCall = max(window.dearestCall, usage.cost.amount ?? .zero)
    guard let model = usage.model else { return }
    if let index = models.firstIndex(where: { $0.model == model }) {
      models[index].count(usage, as: amount)
    } else if models.count < Self.maximumModelCount {
      var use = ModelUse(model: model)
      use.count(usage, as: amount)
      models.append(use)
    }
  }

  /// What a usage adds to the total: of a call that an estimate was counted for, what goes beyond that.
  public func amount(counting usage: SessionUsage) -> NanoCredits {
    usage.counted.subtractingClamped(estimate(settledBy: usage) ?? .zero)
  }

  /// What was counted before for the call whose cost is known only now.
  public func estimate(settledBy usage: SessionUsage) -> NanoCredits? {
    guard let call = usage.call, usage.cost != .unavailable, !lostCalls.isEmpty else { return nil }
    return lostCalls.first { $0.call == call }?.estimate
  }

  /// A call of another's that was lost is remembered: whoever made it may tell later.
  private mutating func remember(_ call: StepID, endedBy usage: SessionUsage) {
    let isOwn = self.call(call)?.isOwn ?? true
    if usage.cost != .unavailable { lostCalls.removeAll { $0.call == call } }
    guard let estimate = usage.estimate, !isOwn else { return }
    if lostCalls.count == Self.maximumLostCallCount { lostCalls.removeFirst() }
    lostCalls.append(LostCall(call: call, estimate: estimate))
  }
}

extension SessionCounts {
  fileprivate mutating func count(_ usage: SessionUsage, settlesLostCall: Bool) {
    calls = usage.sequence
    if usage.cost == .unavailable { unpricedCalls += 1 }
    if settlesLostCall, unpricedCalls > 0 { unpricedCalls -= 1 }
    apiMilliseconds &+= UInt64(usage.durationMilliseconds ?? 0)
    lastInput = usage.tokens?.input ?? .zero
    lastOutput = usage.tokens?.output ?? .zero
  }
}

extension ModelUse {
  fileprivate mutating func count(_ usage: SessionUsage, as amount: NanoCredits) {
    calls += 1
    cost = cost.addingClamped(amount)
    guard let tokens = usage.tokens else { return }
    input = input.addingClamped(tokens.input ?? (tokens.output == nil ? tokens.total : .zero))
    output = output.addingClamped(tokens.output ?? .zero)
    cacheRead = cacheRead.addingClamped(tokens.cacheRead ?? .zero)
    cacheWrite = cacheWrite.addingClamped(tokens.cacheWrite ?? .zero)
    reasoning = reasoning.addingClamped(tokens.reasoning ?? .zero)
  }
}

extension SessionFact {
  /// How many events of those that clients keep the fact is shown as (contract session-limits, 3).
  public var durableEventCount: Int {
    switch self {
    case .limitChanged(let change): change.isSilent ? 0 : 1
    case .resumed, .messageReceived, .messageAnswered, .turnEnded, .checkpointed, .warned,
      .optionIgnored, .failed, .aborted, .closed:
      1
    case .callAdmitted(let admission): admission.turn == nil ? 0 : 1
    case .modelChanged, .callEnded, .callExtended, .usageRecorded, .exhaustionRequested,
      .exhaustionAnswered, .windowStarted, .deleted:
      0
    }
  }

  /// Whether there may be a text to it, which is kept beside the log.
  public var hasText: Bool {
    switch self {
    case .messageReceived, .messageAnswered, .failed: true
    case .resumed, .limitChanged, .modelChanged, .callAdmitted, .callEnded, .callExtended,
      .usageRecorded, .turnEnded, .checkpointed, .exhaustionRequested, .exhaustionAnswered,
      .warned, .optionIgnored, .aborted, .windowStarted, .closed, .deleted:
      false
    }
  }

  /// What makes a repetition of the step recognisable within its session.
  public var key: SessionKey? {
    switch self {
    case .limitChanged(let change): change.change.map { SessionKey(.change, $0.description) }
    case .callAdmitted(let admission): SessionKey(.call, admission.call.description)
    case .usageRecorded(let usage): SessionKey(.usage, usage.id.description)
    case .exhaustionRequested(let request): SessionKey(.request, request.id.description)
    case .resumed, .modelChanged, .messageReceived, .callEnded, .callExtended, .messageAnswered,
      .turnEnded, .checkpointed, .exhaustionAnswered, .warned, .optionIgnored, .failed,
      .aborted, .windowStarted, .closed, .deleted:
      nil
    }
  }
}

/// What a client calls a step of a session, by the kind of step.
public struct SessionKey: Hashable, Sendable {
  /// Raw values are part of the projection's format.
  public enum Kind: UInt8, Sendable {
    case change = 0
    case call = 1
    case usage = 2
    case request = 3
  }

  public let kind: Kind
  public let text: String

  public init(_ kind: Kind, _ text: String) {
    self.kind = kind
    self.text = text
  }
}

extension Session? {
  /// Takes the next event of a session into account, from that which begins it on.
  public mutating func apply(_ fact: Fact, at position: Position, recordedAt: Moment) {
    if case .sessionStarted(let start) = fact {
      self = Session(start, at: position, recordedAt: recordedAt)
    } else if case .session(_, let fact) = fact {
      self?.apply(fact, at: position, recordedAt: recordedAt)
    }
  }
}
