import JSON
import QuotaAPI
import QuotaModel
import Testing

@Suite struct `A session's document` {
  /// The example of contract session-limits, section 6, where short names stand for UUIDs.
  @Test func `is that of the contract's example`() throws {
    var session = try sketch(limit: "2.5")
    try spend("3.2", in: &session, calls: 2)
    try ask(in: &session)
    #expect(
      text(of: session) == """
        {"session_id":"s1","user":"\(user)","state":"deciding",\
        "session_limits":{"max_ai_credits":2.5},\
        "window":{"number":1,"started_at":"2026-03-02T09:00:00.000Z"},\
        "usage":{"total_nano_aiu":3200000000,"window_nano_aiu":3200000000,"used_ai_credits":3.2,\
        "remaining_ai_credits":0,"calls":2,"ai_credits_status":"complete"},\
        "pending_request":{"request_id":"\(request)","used_ai_credits":3.2,"max_ai_credits":2.5},\
        "created_at":"2026-03-02T09:00:00.000Z","updated_at":"2026-03-02T09:01:12.480Z"}
        """)
  }

  @Test func `says null for no user, no cap and no question`() throws {
    let session = try sketch(user: nil, limit: nil)
    #expect(
      text(of: session) == """
        {"session_id":"s1","user":null,"state":"unlimited","session_limits":null,\
        "window":{"number":1,"started_at":"2026-03-02T09:00:00.000Z"},\
        "usage":{"total_nano_aiu":0,"window_nano_aiu":0,"used_ai_credits":0,\
        "remaining_ai_credits":null,"calls":0,"ai_credits_status":"complete"},\
        "pending_request":null,"created_at":"2026-03-02T09:00:00.000Z",\
        "updated_at":"2026-03-02T09:00:00.000Z"}
        """)
  }

  @Test func `names the shared budget where there is one`() throws {
    let session = try sketch(limit: nil, budget: "b1")
    #expect(text(of: session).hasSuffix(#","budget_id":"b1"}"#))
  }

  @Test func `counts the window's use from its beginning on`() throws {
    var session = try sketch(limit: "10")
    try spend("3.2", in: &session, calls: 1)
    session.apply(.windowStarted(2), at: Position(9), recordedAt: later)
    try spend("0.000000001", in: &session, calls: 1)
    let found = text(of: session)
    #expect(found.contains(#""total_nano_aiu":3200000001,"window_nano_aiu":1,"#))
    #expect(found.contains(#""used_ai_credits":0.000000001,"remaining_ai_credits":9.999999999,"#))
  }

  private let user = UserID(high: 1, low: 2)
  private let request = EntryID(random: 3, 4)
  private let start = Moment(microseconds: 1_772_442_000_000_000)
  private let later = Moment(microseconds: 1_772_442_072_480_999)

  private func sketch(
    user: UserID? = UserID(high: 1, low: 2), limit: String?, budget: String? = nil
  ) throws -> Session {
    let start = SessionStart(
      id: try SessionID("s1"), user: user, seed: EntryID(random: 5, 6),
      limit: try limit.map { try .credits($0) }, budget: try budget.map { try BudgetID($0) })
    return Session(start, at: Position(1), recordedAt: self.start)
  }

  private func spend(_ credits: String, in session: inout Session, calls: UInt64) throws {
    let usage = SessionUsage(
      id: try StepID("u"), user: nil, sequence: calls, cost: .stated(try .credits(credits)))
    session.apply(.usageRecorded(usage), at: Position(2), recordedAt: later)
  }

  private func ask(in session: inout Session) throws {
    let question = ExhaustionRequest(
      id: request, used: try .credits("3.2"), limit: try .credits("2.5"))
    session.apply(.exhaustionRequested(question), at: Position(3), recordedAt: later)
  }

  private func text(of session: Session) -> String {
    var json = JSONWriter()
    json.session(session)
    return String(decoding: json.take(), as: UTF8.self)
  }
}
