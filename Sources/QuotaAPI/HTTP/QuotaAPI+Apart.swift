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
    _ request: HTTPRequest, for caller: Caller?, _ reply: ReplyHandle,
    spelling: @escaping @Sendable (Problem) -> HTTPResponse = { $0.response },
    _ answer: @escaping @Sendable () throws(Problem) -> HTTPResponse
  ) throws(Problem) -> HTTPResponse? {
    guard let readingDesk else { return try answer() }
    try askApart(readingDesk, request, for: caller, reply) {
      do throws(Problem) { return try answer() } catch { return spelling(error) }
    } then: {
      $0
    }
    return nil
  }

  /// The same for a question about sessions.
  func answerApart(
    _ call: SessionCall, _ answer: @escaping @Sendable () throws(Problem) -> HTTPResponse
  ) throws(Problem) -> HTTPResponse? {
    try answerApart(
      call.request, for: call.caller, call.reply, spelling: { $0.errorResponse }, answer)
  }

  /// Has a part of a request's work done on a thread of its own, and goes on with what came of it.
  func askApart<Found: Sendable>(
    _ desk: ReadingDesk, _ request: HTTPRequest, for caller: Caller?, _ reply: ReplyHandle,
    _ question: @escaping @Sendable () -> Found, then answer: @escaping (Found) -> HTTPResponse?
  ) throws(Problem) {
    let isAsked = desk.ask(for: caller?.user, question) { [unowned self] found in
      goOn(with: request, of: caller, reply) { answer(found) }
    }
    guard isAsked else { throw .tooManyQuestions }
  }

  /// Goes on with a request in a later turn of the loop than it was let in. Whose rights have changed
  /// meanwhile is answered as if the request came only now: what they were gives no right to anything.
  ///
  /// Only what a command answers that was taken already is told to whoever sent it in any case.
  func goOn(
    with request: HTTPRequest, of caller: Caller?, _ reply: ReplyHandle,
    _ answer: () -> HTTPResponse?
  ) {
    let isAsBefore = caller.map { isStillAllowed(request, as: $0) } ?? true
    let response =
      isAsBefore ? answer().map { finish($0, for: request) } : handle(request, reply)
    if let response { server?.complete(reply, response) }
  }

  /// Whether the token of a request is worth what it was. Where that cannot be read it is.
  func isStillAllowed(_ request: HTTPRequest, as known: Caller) -> Bool {
    do throws(Unauthenticated) {
      return try caller(of: request) == known
    } catch {
      if case .unavailable = error { return true }
      return false
    }
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
