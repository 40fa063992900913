internal import JSON
internal import QuotaModel
public import QuotaService

/// Tells what the log took in the words of the SDK (contract session-limits, section 3).
public enum SessionNarrator {
  /// The program's version, which sessions and `connect` name too.
  public static let version = "0.1.0"
  public static let protocolVersion = 3

  /// The events that clients see of one event of the log, in order; often none.
  public static func events(of news: SessionNews) -> [ClientEvent] {
    if case .sessionStarted(let start) = news.event.fact { return began(start, news) }
    return news.fact.map { events(of: $0, news) } ?? []
  }

  private static func events(of fact: SessionFact, _ news: SessionNews) -> [ClientEvent] {
    switch fact {
    case .resumed(let resume):
      [news.durable("session.resume") { $0.data(of: resume, news) }]
    case .limitChanged(let change):
      change.isSilent
        ? [] : [news.durable("session.session_limits_changed") { $0.sessionLimits(change.new) }]
    case .messageReceived(let message):
      [news.durable("user.message") { $0.data(ofMessage: message, news.text) }]
    case .callAdmitted(let admission):
      admission.turn.map { [turnStarted($0, admission, news)] } ?? []
    case .usageRecorded(let usage):
      [news.ephemeral("assistant.usage") { $0.data(of: usage, news.session) }]
    case .messageAnswered(let message):
      [news.durable("assistant.message") { $0.data(of: message, news.text) }]
    case .turnEnded(let turn):
      [news.durable("assistant.turn_end") { $0.member("turnId", String(turn)) }]
    case .checkpointed(let totals):
      [news.durable("session.usage_checkpoint") { $0.data(of: totals) }]
    case .exhaustionRequested(let request):
      [news.ephemeral("session_limits_exhausted.requested") { $0.data(of: request) }]
    case .exhaustionAnswered(let request, let answer):
      [
        news.ephemeral("session_limits_exhausted.completed") {
          $0.member("requestId", request.description)
          $0.response(answer)
        }
      ]
    case .warned(let warning):
      [news.durable("session.warning") { $0.data(of: warning) }]
    case .optionIgnored(let option):
      [news.durable("session.warning") { $0.data(ofIgnored: option) }]
    case .failed(let error):
      [news.durable("session.error") { $0.data(of: error, news.text) }]
    case .aborted:
      [news.durable("abort") { $0.member("reason", "user_initiated") }]
    case .closed(let closing):
      [news.durable("session.shutdown") { $0.data(of: closing, news.session) }]
    case .modelChanged, .callEnded, .callExtended, .windowStarted, .deleted:
      []
    }
  }

  private static func began(_ start: SessionStart, _ news: SessionNews) -> [ClientEvent] {
    let first = SessionEventPlace(position: news.event.position, index: 0)
    var events = [
      EnvelopeWriter.durable(
        "session.start", at: first, in: news.session, parent: nil,
        recordedAt: news.event.recordedAt
      ) { $0.data(of: start, news) }
    ]
    guard let limit = start.limit else { return events }
    events.append(
      EnvelopeWriter.durable(
        "session.session_limits_changed",
        at: SessionEventPlace(position: first.position, index: 1), in: news.session,
        parent: first, recordedAt: news.event.recordedAt
      ) { $0.sessionLimits(limit) })
    return events
  }

  private static func turnStarted(
    _ turn: UInt64, _ admission: CallAdmission, _ news: SessionNews
  ) -> ClientEvent {
    news.durable("assistant.turn_start") {
      $0.member("turnId", String(turn))
      if let model = admission.model { $0.member("model", model.description) }
    }
  }
}

extension SessionNews {
  fileprivate func durable(
    _ type: String, _ data: (inout JSONWriter) -> Void
  ) -> ClientEvent {
    EnvelopeWriter.durable(
      type, at: SessionEventPlace(position: event.position, index: 0), in: session,
      parent: entry.parent, recordedAt: event.recordedAt, data)
  }

  fileprivate func ephemeral(
    _ type: String, _ data: (inout JSONWriter) -> Void
  ) -> ClientEvent {
    // Nothing durable lies at this place, so that its number is free.
    let place = SessionEventPlace(position: event.position, index: SessionEventPlace.lastIndex)
    return EnvelopeWriter.ephemeral(
      type, id: session.eventID(at: place), behind: entry.parent, in: session,
      at: event.recordedAt, position: event.position, data)
  }
}
