internal import ChatCompletions
internal import JSON
internal import QuotaModel
internal import QuotaService
internal import Sessions

/// What a model is told: the system message and everything that was said in the window.
enum Conversation {
  static func messages(
    of session: Session, _ engine: SessionEngine, in queries: Queries
  ) throws(StoreFailure) -> [ChatRequest.Message] {
    var messages: [ChatRequest.Message] = []
    var last = Position.zero
    var system = engine.systemMessage
    while true {
      let news = try queries.news(of: session.ref, after: last, limit: 1000)
      for item in news {
        switch item.event.fact {
        case .sessionStarted: system = system ?? SessionText(item.text).systemMessage
        case .session(_, .windowStarted): messages = []
        case .session(_, .messageReceived):
          messages.append(.init(role: .user, content: MessageText(item.text).content))
        case .session(_, .messageAnswered):
          let text = String(decoding: item.text ?? [], as: UTF8.self)
          messages.append(.init(role: .assistant, content: text))
        default: break
        }
      }
      guard news.count == 1000, let end = news.last else { break }
      last = end.event.position
    }
    return (system.map { [.init(role: .system, content: $0)] } ?? []) + messages
  }
}
