internal import ChatCompletions
internal import QuotaModel
internal import QuotaService
internal import Sessions

/// A model call as it would go out now: the request, and what it can cost at most.
struct ModelCallPlan {
  /// What a plan depends on; another key makes it stale.
  private struct Key: Equatable {
    let window: UInt64
    let model: ServedModel
    let isStreaming: Bool
    let maximumOutputTokens: Int64?
    let systemMessage: String?

    init(_ session: Session, _ engine: SessionEngine) {
      window = session.window.number
      model = engine.servedModel
      isStreaming = engine.isStreaming
      maximumOutputTokens = engine.provider?.maximumOutputTokens
      systemMessage = engine.systemMessage
    }
  }

  private let key: Key
  let body: [UInt8]
  let messageCount: Int
  let contentByteCount: Int

  var model: ServedModel { key.model }

  init(answering send: Send, _ engine: SessionEngine) throws(StoreFailure) {
    key = Key(engine.session, engine)
    let messages = try Conversation.messages(
      of: engine.session, engine, answering: send.message, in: engine.runtime.hub.queries)
    messageCount = messages.count
    contentByteCount = messages.reduce(0) { $0 + $1.content.utf8.count }
    body =
      ChatRequest(
        model: key.model.wireName, messages: messages, isStreaming: key.isStreaming,
        maxOutputTokens: key.maximumOutputTokens
      ).body()
  }

  func fits(_ engine: SessionEngine) -> Bool { key == Key(engine.session, engine) }

  /// What the call costs at most; nil where the price or the greatest output is not known.
  var bound: NanoCredits? {
    let stated = key.maximumOutputTokens.flatMap(TokenCount.init)
    guard let price = model.price,
      let output = [stated, model.bounds?.outputTokens].compactMap(\.self).min()
    else { return nil }
    return price.bound(input: inputBound, output: output)
  }

  /// What the input alone costs at most; zero where the price is not known.
  var inputCost: NanoCredits {
    model.price?.bound(input: inputBound, output: .zero) ?? .zero
  }

  /// No token is made of less than a byte, and what stands around the messages is more than a model
  /// puts around them.
  private var inputBound: TokenCount { TokenCount(Int64(body.count)) ?? .zero }
}
