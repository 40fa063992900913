import QuotaModel

/// A session to which things happen one behind the other.
struct SessionSketch {
  private(set) var session: Session
  private var position = Position(1)

  init(limit: Int64? = nil, budget: BudgetID? = nil) {
    let start = SessionStart(
      id: Self.must { try SessionID("s1") }, user: nil, seed: EntryID(random: 17, 4711),
      limit: limit.map(NanoCredits.of), budget: budget)
    session = Session(start, at: position, recordedAt: Moment(microseconds: 0))
  }

  mutating func happen(_ fact: SessionFact) {
    position = position.next
    session.apply(
      fact, at: position, recordedAt: Moment(microseconds: Int64(position.rawValue) * 1000))
  }

  mutating func spend(_ nano: Int64, model: String? = nil, call: String? = nil) {
    let sequence = session.counts.calls + 1
    happen(
      .usageRecorded(
        SessionUsage(
          id: Self.step("u\(sequence)"), user: nil, call: call.map(Self.step), sequence: sequence,
          model: model.map { text in Self.must { try ModelName(text) } },
          cost: .stated(.of(nano)))))
  }

  mutating func admit(_ call: String, reserving nano: Int64) {
    happen(
      .callAdmitted(
        CallAdmission(
          call: Self.step(call), reservation: .of(nano), expiresAt: Moment(microseconds: .max))))
  }

  static func step(_ text: String) -> StepID { must { try StepID(text) } }

  static func must<Value>(_ make: () throws -> Value) -> Value {
    do { return try make() } catch { preconditionFailure("an example is refused: \(error)") }
  }
}
