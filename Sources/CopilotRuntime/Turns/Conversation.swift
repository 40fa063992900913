internal import ChatCompletions
internal import JSON
internal import QuotaModel
internal import QuotaService
internal import Sessions

/// What a model is told: the system message and everything that was said in the window. What it is to
/// answer belongs to it also where the window began right behind that.
enum Conversation {
  static func messages(
    of session: Session, _ engine: SessionEngine, answering question: EntryID, in queries: Queries
  ) throws(StoreFailure) -> [ChatRequest.Message] {
    var messages: [ChatRequest.Message] = []
    var asked: ChatRequest.Message?
    var last = Position.zero
    var system = engine.systemMessage
    while true {
      let news = try queries.news(of: session.ref, after: last, limit: 1000)
      for item in news {
        switch item.event.fact {
        case .sessionStarted: system = system ?? SessionText(item.text).systemMessage
        case .session(_, .windowStarted): messages = asked.map { [$0] } ?? []
        case .session(_, .messageReceived(let id)):
          let message = ChatRequest.Message(
            role: .user, content: MessageText(item.text).content)
          if id == question { asked = message }
          messages.append(message)
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
