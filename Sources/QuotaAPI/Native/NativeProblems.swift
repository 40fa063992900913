internal import EventJSON
internal import HTTPServer
internal import JSON
internal import QuotaModel
internal import QuotaService

extension Problem {
  init(_ fault: MemberFault) {
    self.init(400, "invalid", fault.description, member: fault.member)
  }

  init(_ failure: StoreFailure) {
    self.init(503, "unavailable", failure.description)
  }

  init(_ error: JSONSyntaxError) {
    if error.isOfSize {
      self.init(413, "too_many", "\(error)")
    } else {
      self.init(400, "not_json", "the body is not JSON: \(error)")
    }
  }

  /// What the native API says of each failure of a command.
  init(_ failure: CommandFailure) {
    switch failure {
    case .unknownUser:
      self.init(404, "unknown_user", "no user has this id or name", member: "user")
    case .userErased:
      self.init(
        410, "user_erased", "the user was erased, which cannot be undone: register a new one",
        member: "user")
    case .userExists:
      self.init(409, "user_exists", "a user with this UUID exists already", member: "uuid")
    case .nameTaken:
      self.init(409, "name_taken", "another user has this name already", member: "name")
    case .nameRefused(let rule):
      self.init(400, "invalid", "name \(rule)", member: "name")
    case .lastStaff:
      self.init(
        409, "last_staff",
        "nobody else could manage users: make another user staff first, or use the command beside "
          + "the data", member: "user")
    case .tokenExists:
      self.init(409, "token_exists", "this token was issued before", member: "token")
    case .unknownToken:
      self.init(404, "unknown_token", "the user has no token with this id", member: "token_id")
    case .requestConflict(let member, let position):
      self.init(
        409, "request_conflict",
        "the same id was recorded at position \(position) with another \(member)",
        member: member, position: position.rawValue)
    case .overflow:
      self.init(
        400, "overflow", "the user's total would exceed 9223372036854775807 tokens",
        member: "tokens")
    case .inTheFuture(let limitSeconds):
      self.init(
        400, "in_the_future", "time is more than \(limitSeconds) s ahead of the server's clock",
        member: "time")
    case .unknownHold: self.init(404, "unknown_hold", "there is no such hold", member: "hold")
    case .foreignHold:
      self.init(403, "foreign_hold", "the hold belongs to somebody else", member: "hold")
    case .holdEnded(let end, let position):
      self.init(
        409, "hold_ended", "the hold has \(end.word)", member: "hold",
        position: position.rawValue)
    case .unknownEvent:
      self.init(404, "unknown_event", "there is no such event", member: "position")
    case .foreignEvent:
      self.init(403, "foreign_event", "the event belongs to somebody else", member: "position")
    case .notCorrectable(let kind):
      self.init(
        409, "not_correctable",
        "the event is \(kind.name): only tokens_spent, hold_drawn and hold_settled, outside of "
          + "sessions, can be corrected, a corrected one by its own position", member: "position")
    case .unlimited(let period):
      self.init(
        409, "unlimited", "the \(period.name) limit has no bound: nothing can be allowed on top",
        member: "period")
    case .unknownSchedule:
      self.init(404, "unknown_schedule", "there is no such scheduled change", member: "schedule")
    case .notInTheFuture:
      self.init(
        400, "not_in_the_future", "effective_at must lie in the future", member: "effective_at")
    case .tooLate(let limitSeconds):
      self.init(
        400, "too_late", "time is more than \(limitSeconds) s back, later than usage is taken for",
        member: "time")
    case .sessionOfAnotherUser:
      self.init(
        409, "session_of_another_user", "the session belongs to another user than the hold",
        member: "session_id")
    case .tooManyCalls:
      self.init(
        409, "too_many_calls", "as many calls are under way in the session as may be",
        member: "session_id")
    case .unknownSession:
      self.init(404, "unknown_session", "there is no such session", member: "session_id")
    case .sessionOfAnother:
      self.init(
        409, "session_of_another", "another user's session has this id", member: "session_id")
    case .sessionConflict(let member):
      self.init(
        409, "session_conflict", "the session was begun with another \(member)", member: member)
    case .sessionClosed:
      self.init(409, "session_closed", "the session was shut down: resume it first")
    case .callInFlight: self.init(409, "call_in_flight", "a model call is under way")
    case .unknownBudget:
      self.init(404, "unknown_budget", "there is no such shared budget", member: "budget_id")
    case .answerNotYours:
      self.init(
        409, "answer_not_yours",
        "the question is about a shared budget: a session's client can only cancel",
        member: "action")
    case .creditsOverflow:
      self.init(
        400, "credits_overflow", "the sum would exceed 9223372036854775807 nano-credits")
    case .unavailable(let reason):
      self.init(503, "unavailable", "nothing was written: \(reason)")
    }
  }
}

extension HoldEnd {
  fileprivate var word: String {
    switch self {
    case .settled, .settledLate: "been settled"
    case .voided: "been voided"
    case .expired: "expired"
    }
  }
}

extension JSONWriter {
  mutating func receipt(_ receipt: Receipt, id: String) {
    member("id", id)
    self.receipt(receipt)
  }
}
