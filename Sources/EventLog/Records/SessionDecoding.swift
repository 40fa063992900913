internal import LMDB
internal import QuotaModel

extension RecordReader {
  @_lifetime(self: copy self)
  mutating func sessionStart() throws(RecordDamage) -> SessionStart {
    let user = try optionalUser()
    return SessionStart(
      id: try bounded(SessionID.init), user: user, seed: try entryID(),
      model: try optional(ModelName.init), limit: try optionalCredits(),
      budget: try optional(BudgetID.init))
  }

  @_lifetime(self: copy self)
  mutating func budgetChange() throws(RecordDamage) -> BudgetChange {
    var change = BudgetChange(
      budget: try bounded(BudgetID.init), old: try optionalCredits(), new: try credits())
    if !isAtEnd { change.access = try budgetAccess() }
    return change
  }

  @_lifetime(self: copy self)
  private mutating func budgetAccess() throws(RecordDamage) -> BudgetAccess {
    switch BudgetParts(rawValue: try byte()) {
    case .open: return .open
    case .members:
      let count = Int(try byte())
      guard count <= BudgetAccess.maximumMemberCount else { throw .malformed }
      var members: [UserID] = []
      for _ in 0..<count { members.append(try user()) }
      guard members == Set(members).sorted() else { throw .malformed }
      return .members(members)
    default: throw .malformed
    }
  }

  @_lifetime(self: copy self)
  mutating func sessionEvent(of kind: EventKind) throws(RecordDamage) -> Fact {
    let user = kind == .sessionUsageRecorded ? try optionalUser() : nil
    let session = SessionRef(Position(try word()))
    return .session(session, try sessionFact(of: kind, user))
  }

  @_lifetime(self: copy self)
  private mutating func sessionFact(
    of kind: EventKind, _ user: UserID?
  ) throws(RecordDamage) -> SessionFact {
    switch kind {
    case .sessionResumed:
      .resumed(SessionResume(limit: try optionalCredits(), wasActive: try flag()))
    case .sessionLimitChanged:
      .limitChanged(
        SessionLimitChange(
          old: try optionalCredits(), new: try optionalCredits(),
          change: try optional(StepID.init(stored:))))
    case .sessionModelChanged: .modelChanged(try bounded(ModelName.init))
    case .sessionMessageReceived: .messageReceived(try entryID())
    case .sessionCallAdmitted: .callAdmitted(try admission())
    case .sessionCallEnded: .callEnded(try bounded(StepID.init(stored:)), try callEnd())
    case .sessionCallExtended:
      .callExtended(try bounded(StepID.init(stored:)), expiresAt: try moment())
    case .sessionUsageRecorded: .usageRecorded(try sessionUsage(of: user))
    case .sessionMessageAnswered: .messageAnswered(try assistantMessage())
    case .sessionTurnEnded: .turnEnded(try word())
    case .sessionCheckpointed:
      .checkpointed(SessionTotals(total: try credits(), callCount: try word()))
    case .exhaustionRequested: .exhaustionRequested(try exhaustionRequest())
    case .exhaustionAnswered: .exhaustionAnswered(try entryID(), try exhaustionAnswer())
    case .sessionWarned: .warned(try warning())
    case .sessionOptionIgnored: .optionIgnored(try bounded(CallMark.init))
    case .sessionFailed: .failed(try sessionError())
    case .sessionAborted: .aborted
    case .sessionWindowStarted: .windowStarted(try word())
    case .sessionClosed: .closed(try closing())
    case .sessionDeleted: .deleted
    default: throw .malformed
    }
  }

  @_lifetime(self: copy self)
  private mutating func admission() throws(RecordDamage) -> CallAdmission {
    CallAdmission(
      call: try bounded(StepID.init(stored:)), reservation: try credits(), expiresAt: try moment(),
      turn: try optionalNumber(), model: try optional(ModelName.init))
  }

  @_lifetime(self: copy self)
  private mutating func sessionUsage(of user: UserID?) throws(RecordDamage) -> SessionUsage {
    var usage = SessionUsage(
      id: try bounded(StepID.init(stored:)), user: user, call: try optional(StepID.init(stored:)),
      sequence: try word(), tokens: try flag() ? try tokens() : nil,
      model: try optional(ModelName.init), cost: try cost(),
      agent: try optional(StepID.init(stored:)),
      durationMilliseconds: try flag() ? try duration() : nil,
      finishReason: try optional(CallMark.init), upstreamID: try optional(CallMark.init))
    if isAtEnd { return usage }
    let parts = UsageParts(rawValue: try byte())
    guard !parts.isEmpty, parts.isSubset(of: .all), usage.cost == .unavailable else {
      throw .malformed
    }
    usage.estimate = try positiveCredits()
    return usage
  }

  /// Token numbers without a model, which stands elsewhere.
  @_lifetime(self: copy self)
  private mutating func tokens() throws(RecordDamage) -> TokenUsage {
    let parts = try spendParts()
    guard !parts.contains(.model) else { throw .malformed }
    return try usage(parts)
  }

  @_lifetime(self: copy self)
  private mutating func cost() throws(RecordDamage) -> CallCost {
    switch try byte() {
    case 0: return .unavailable
    case 1: return .stated(try credits())
    case 2:
      let amount = try credits()
      let price = ModelPrice(
        input: try credits(), output: try credits(), cacheRead: try credits(),
        cacheWrite: try credits(), batchSize: Int64(bitPattern: try word()))
      guard let price else { throw .malformed }
      return .priced(amount, price)
    default: throw .malformed
    }
  }

  @_lifetime(self: copy self)
  private mutating func duration() throws(RecordDamage) -> UInt32 {
    var value: UInt32 = 0
    for shift in stride(from: UInt32(0), to: 32, by: 8) { value |= UInt32(try byte()) << shift }
    return value
  }

  @_lifetime(self: copy self)
  private mutating func assistantMessage() throws(RecordDamage) -> AssistantMessage {
    AssistantMessage(
      message: try entryID(), turn: try optionalNumber(),
      outputTokens: try flag() ? try variable() : nil, model: try optional(ModelName.init))
  }

  @_lifetime(self: copy self)
  private mutating func exhaustionRequest() throws(RecordDamage) -> ExhaustionRequest {
    ExhaustionRequest(
      id: try entryID(), used: try credits(), limit: try credits(),
      budget: try optional(BudgetID.init))
  }

  @_lifetime(self: copy self)
  private mutating func exhaustionAnswer() throws(RecordDamage) -> ExhaustionAnswer {
    switch try byte() {
    case 0: .add(try credits())
    case 1: .set(try credits())
    case 2: .unset
    case 3: .cancel
    default: throw .malformed
    }
  }

  @_lifetime(self: copy self)
  private mutating func warning() throws(RecordDamage) -> SessionWarning {
    switch try byte() {
    case 0: .limitReached(used: try credits(), limit: try credits())
    case 1:
      .budgetReached(try bounded(BudgetID.init), used: try credits(), limit: try credits())
    case 2: .quotaReached(try violations())
    case 3: .unknownPrice(try bounded(ModelName.init), isRefused: try isRefused())
    default: throw .malformed
    }
  }

  @_lifetime(self: copy self)
  private mutating func isRefused() throws(RecordDamage) -> Bool {
    if isAtEnd { return false }
    guard WarningParts(rawValue: try byte()) == .refused else { throw .malformed }
    return true
  }

  @_lifetime(self: copy self)
  private mutating func sessionError() throws(RecordDamage) -> SessionError {
    let kind = try bounded(CallMark.init)
    let code = UInt16(try byte()) | UInt16(try byte()) << 8
    return SessionError(kind: kind, statusCode: code == 0 ? nil : code)
  }

  @_lifetime(self: copy self)
  private mutating func callEnd() throws(RecordDamage) -> CallEnd {
    guard let end = CallEnd(rawValue: try byte()) else { throw .malformed }
    return end
  }

  @_lifetime(self: copy self)
  private mutating func closing() throws(RecordDamage) -> SessionClosing {
    guard let closing = SessionClosing(rawValue: try byte()) else { throw .malformed }
    return closing
  }

  @_lifetime(self: copy self)
  private mutating func entryID() throws(RecordDamage) -> EntryID {
    let high = try word().byteSwapped
    let low = try word().byteSwapped
    let id = EntryID(random: high, low)
    guard id.high == high, id.low == low else { throw .malformed }
    return id
  }

  @_lifetime(self: copy self)
  mutating func credits() throws(RecordDamage) -> NanoCredits {
    guard let credits = NanoCredits(Int64(bitPattern: try word())) else { throw .malformed }
    return credits
  }

  @_lifetime(self: copy self)
  private mutating func optionalCredits() throws(RecordDamage) -> NanoCredits? {
    let stored = Int64(bitPattern: try word())
    if stored == -1 { return nil }
    guard let credits = NanoCredits(stored) else { throw .malformed }
    return credits
  }

  /// A number, or zero for none.
  @_lifetime(self: copy self)
  private mutating func optionalNumber() throws(RecordDamage) -> UInt64? {
    let number = try word()
    return number == 0 ? nil : number
  }

  @_lifetime(self: copy self)
  mutating func optionalUser() throws(RecordDamage) -> UserID? {
    try flag() ? try user() : nil
  }

  @_lifetime(self: copy self)
  mutating func bounded<Bounded>(
    _ make: (String) throws(TextRule) -> Bounded
  ) throws(RecordDamage) -> Bounded {
    let text = try text()
    do { return try make(text) } catch { throw .malformed }
  }

  /// A text that has to follow a rule, or nothing.
  @_lifetime(self: copy self)
  mutating func optional<Bounded>(
    _ make: (String) throws(TextRule) -> Bounded
  ) throws(RecordDamage) -> Bounded? {
    let text = try text()
    if text.isEmpty { return nil }
    do { return try make(text) } catch { throw .malformed }
  }
}
