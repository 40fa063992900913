internal import HTTPServer
internal import QuotaModel
internal import QuotaService

/// Questions that may take long: the loop has others to serve.
extension QuotaAPI {
  /// Answers a question on a thread of its own, where there are such; nil: the answer comes later.
  ///
  /// `answer` takes with it what it needs, and reads the store as it is when its turn has come. Each user
  /// has one question answered at a time.
  func answerApart(
    _ request: HTTPRequest, for user: UserID?, _ reply: ReplyHandle,
    spelling: @escaping @Sendable (Problem) -> HTTPResponse = { $0.response },
    _ answer: @escaping @Sendable () throws(Problem) -> HTTPResponse
  ) throws(Problem) -> HTTPResponse? {
    guard let readingDesk else { return try answer() }
    let isAsked = readingDesk.ask(for: user) {
      do throws(Problem) { return try answer() } catch { return spelling(error) }
    } _: { [unowned self] response in
      server?.complete(reply, finish(response, for: request))
    }
    guard isAsked else { throw .tooManyQuestions }
    return nil
  }

  /// The same for a question about sessions.
  func answerApart(
    _ call: SessionCall, _ answer: @escaping @Sendable () throws(Problem) -> HTTPResponse
  ) throws(Problem) -> HTTPResponse? {
    try answerApart(
      call.request, for: call.caller.user, call.reply, spelling: { $0.errorResponse }, answer)
  }
}

/// Reads the store on any thread.
func readStore<Result>(_ body: () throws(StoreFailure) -> Result) throws(Problem) -> Result {
  do { return try body() } catch { throw Problem(error) }
}

extension Problem {
  static var tooManyQuestions: Problem {
    Problem(429, "too_many", "too many of your questions wait for their answers: ask again later")
  }
}
