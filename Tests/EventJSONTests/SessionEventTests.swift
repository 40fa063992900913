import EventJSON
import JSON
import QuotaModel
import TestSupport
import Testing

@Suite struct `A session's event in JSON` {
  @Test(arguments: RandomSessionFacts.kinds) func `gives back the event that it was made of`(
    kind: EventKind
  ) throws {
    var facts = RandomSessionFacts(numbers: SeededNumbers())
    let seed = facts.numbers.seed
    for _ in 0..<500 {
      let event = Self.event(facts.fact(of: kind))
      let line = Self.line(of: event)
      let read = try Event(json: try JSONParser().parse(line))
      try #require(read == event, "\(String(decoding: line, as: UTF8.self)) seed \(seed)")
      try #require(Self.line(of: read) == line, "seed \(seed)")
    }
  }

  /// No object in an object but where a fact has a list, and no name twice.
  @Test(arguments: RandomSessionFacts.kinds) func `is one flat object without null`(
    kind: EventKind
  ) throws {
    var facts = RandomSessionFacts(numbers: SeededNumbers())
    for _ in 0..<100 {
      let event = Self.event(facts.fact(of: kind))
      let json = try JSONParser().parse(Self.line(of: event))
      let names = json.members.map(\.name)
      #expect(Set(names).count == names.count, "seed \(facts.numbers.seed)")
      for (name, value) in json.members where !["violations", "members"].contains(name) {
        #expect([.string, .number, .boolean].contains(value.kind), "\(name)")
      }
    }
  }

  @Test(arguments: examples) func `is written like this`(fact: Fact, members: String) {
    let head =
      #"{"position":50,"type":"\#(fact.kind.name)","recorded_at":"2026-01-15T12:00:00.000000Z","#
      + #""happened_at":"2026-01-15T12:00:00.000000Z","actor":"operator","#
    #expect(String(decoding: Self.line(of: Self.event(fact)), as: UTF8.self) == head + members)
  }

  /// Each line says one thing too little or wrong.
  @Test(arguments: [
    (#""type":"session_aborted""#, "session"),
    (#""type":"session_aborted","session":17"#, "session"),
    (#""type":"session_aborted","session":"0""#, "session"),
    (#""type":"session_aborted","session":"+1""#, "session"),
    (#""type":"session_resumed","session":"1""#, "was_active"),
    (#""type":"session_resumed","session":"1","was_active":1"#, "was_active"),
    (
      #""type":"session_resumed","session":"1","was_active":true,"max_nano_aiu":1.0"#,
      "max_nano_aiu"
    ),
    (
      #""type":"session_resumed","session":"1","was_active":true,"max_nano_aiu":-1"#, "max_nano_aiu"
    ),
    (
      #""type":"session_resumed","session":"1","was_active":true,"max_nano_aiu":"1""#,
      "max_nano_aiu"
    ),
    (#""type":"session_limit_changed","session":"1","change_id":"""#, "change_id"),
    (#""type":"session_model_changed","session":"1""#, "model"),
    (#""type":"session_message_received","session":"1","message_id":"m1""#, "message_id"),
    (#""type":"session_call_ended","session":"1","call_id":"c","end":"gone""#, "end"),
    (#""type":"session_call_ended","session":"1","end":"lost""#, "call_id"),
    (#""type":"session_turn_ended","session":"1","turn":-1"#, "turn"),
    (#""type":"session_turn_ended","session":"1","turn":18446744073709551616"#, "turn"),
    (#""type":"session_checkpointed","session":"1","call_count":1"#, "total_nano_aiu"),
    (#""type":"session_usage_recorded","session":"1","sequence":1"#, "usage_id"),
    (#""type":"session_usage_recorded","session":"1","usage_id":"u""#, "sequence"),
    (usage + #","tokens":3,"input_tokens":1"#, "tokens"), (usage + #","tokens":-3"#, "tokens"),
    (usage + #","input_tokens":3"#, "tokens"),
    (usage + #","duration_ms":4294967296"#, "duration_ms"),
    (usage + #","price_batch_size":1000"#, "price_input_nano_aiu"),
    (usage + #","price_batch_size":0"#, "price_batch_size"),
    (usage + #","price_input_nano_aiu":1"#, "price_output_nano_aiu"),
    (usage + price, "cost_nano_aiu"),
    (#""type":"exhaustion_answered","session":"1","exhaustion_id":"\#(entry)""#, "action"),
    (answer + #""raise""#, "action"), (answer + #""add""#, "additional_nano_aiu"),
    (answer + #""set""#, "max_nano_aiu"),
    (#""type":"session_warned","session":"1","warning":"rain""#, "warning"),
    (#""type":"session_warned","session":"1","warning":"quota_reached""#, "violations"),
    (#""type":"session_failed","session":"1","error":"e","status_code":0"#, "status_code"),
    (#""type":"session_failed","session":"1","error":"e","status_code":65536"#, "status_code"),
    (#""type":"session_closed","session":"1","closing":"late""#, "closing"),
    (#""type":"session_started","session_id":"-","seed":"\#(entry)""#, "session_id"),
    (#""type":"session_started","session_id":"s","seed":"\#(entry)","user":"x""#, "user"),
    (#""type":"session_started","session_id":"s""#, "seed"),
    (#""type":"budget_changed","budget_id":"b""#, "new_nano_aiu"),
    (#""type":"budget_changed","new_nano_aiu":1"#, "budget_id"),
  ])
  func `is refused with the name of the member at fault`(members: String, fault: String) throws {
    let line =
      #"{"position":50,"recorded_at":"2026-01-15T12:00:00Z","#
      + #""happened_at":"2026-01-15T12:00:00Z","actor":"operator",\#(members)}"#
    let json = try JSONParser().parse(Array(line.utf8))
    let found = #expect(throws: MemberFault.self) { try Event(json: json) }
    #expect(found?.member == fault, "\(found?.description ?? "")")
  }

  private static let entry = "01234567-89ab-4def-8123-456789abcdef"
  private static let usage =
    #""type":"session_usage_recorded","session":"1","usage_id":"u","sequence":1"#
  private static let price =
    #","price_input_nano_aiu":1,"price_output_nano_aiu":1,"price_cache_read_nano_aiu":1,"#
    + #""price_cache_write_nano_aiu":1,"price_batch_size":1"#
  private static let answer =
    #""type":"exhaustion_answered","session":"1","exhaustion_id":"\#(entry)","action":"#

  private static let examples: [(Fact, String)] = {
    let session = SessionRef(Position(17))
    let id = EntryID(random: 0x0123_4567_89AB_0DEF, 0x0123_4567_89AB_CDEF)
    return [
      (.session(session, .aborted), #""session":"17"}"#),
      (
        .session(session, .checkpointed(SessionTotals(total: .maximum, callCount: 2))),
        #""session":"17","total_nano_aiu":9223372036854775807,"call_count":2}"#
      ),
      (
        .session(session, .limitChanged(SessionLimitChange(old: nil, new: .zero))),
        #""session":"17","new_nano_aiu":0}"#
      ),
      (
        .session(session, .exhaustionAnswered(id, .unset)),
        #""session":"17","exhaustion_id":"\#(entry)","action":"unset"}"#
      ),
    ]
  }()

  private static func event(_ fact: Fact) -> Event {
    let moment = Moment.at("2026-01-15T12:00:00Z")
    return Event(
      position: Position(50), recordedAt: moment, happenedAt: moment, actor: .operator, fact: fact)
  }

  private static func line(of event: Event) -> [UInt8] {
    var json = JSONWriter()
    json.event(event)
    return json.take()
  }
}
