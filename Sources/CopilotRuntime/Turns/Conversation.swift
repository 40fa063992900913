internal import ChatCompletions
internal import JSON
internal import QuotaModel
internal import QuotaService
internal import Sessions

/// What a model is told: the system message and everything that was said in the window. What it is to
/// answer belongs to it also where the window began right behind that.
struct Conversation {
  private static let pageCount = 1000

  private let question: EntryID
  private var system: String?
  private var asked: ChatRequest.Message?
  private var said: [ChatRequest.Message] = []

  static func messages(
    of session: Session, _ engine: SessionEngine, answering question: EntryID, in queries: Queries
  ) throws(StoreFailure) -> [ChatRequest.Message] {
    var conversation = Conversation(question: question, system: engine.systemMessage)
    var news: [SessionNews] = []
    repeat {
      let last = news.last?.event.position ?? .zero
      news = try queries.news(of: session.ref, after: last, limit: pageCount)
      for item in news { conversation.take(item) }
    } while news.count == pageCount
    return conversation.messages
  }

  private init(question: EntryID, system: String?) {
    self.question = question
    self.system = system
  }

  private var messages: [ChatRequest.Message] {
    (system.map { [.init(role: .system, content: $0)] } ?? []) + said
  }

  private mutating func take(_ news: SessionNews) {
    switch news.fact {
    case nil: system = system ?? SessionText(news.text).systemMessage
    case .windowStarted: said = asked.map { [$0] } ?? []
    case .messageReceived(let id): take(MessageText(news.text).content, as: id)
    case .messageAnswered:
      let text = String(decoding: news.text ?? [], as: UTF8.self)
      said.append(.init(role: .assistant, content: text))
    case .resumed, .limitChanged, .modelChanged, .callAdmitted, .callEnded, .callExtended,
      .usageRecorded, .turnEnded, .checkpointed, .exhaustionRequested, .exhaustionAnswered, .warned,
      .optionIgnored, .failed, .aborted, .closed, .deleted:
      break
    }
  }

  private mutating func take(_ text: String, as id: EntryID) {
    let message = ChatRequest.Message(role: .user, content: text)
    if id == question { asked = message }
    said.append(message)
  }
}
