import EventLoop

extension HTTPConnection {
  /// Takes the answer to a request and sends whatever is due now.
  func answer(_ sequence: UInt64, with response: HTTPResponse) {
    answers.fill(sequence, with: response)
    sendDue()
  }

  /// Sends every answer whose turn it is, up to one that is missing or goes on.
  func sendDue() {
    while sendAnswered() || sendStreamed() {}
    payContinue()
  }

  private func sendAnswered() -> Bool {
    guard let (request, response) = answers.takeAnswered() else { return false }
    let closes = isClosing && answers.isEmpty || response.closesConnection
    stream.write { output in
      context.writer.append(response, to: request, closes: closes, into: &output)
    }
    if closes { endAnswers() }
    return true
  }

  /// Sends no answer after the present one.
  func endAnswers() {
    closeBodies(.connectionGone)
    answers.removeAll()
    stopReading()
  }

  /// Answers in place of the handler, behind the answers to earlier requests, and closes.
  func refuse(_ refusal: Refusal) {
    stopReading()
    reader.abandonBody()
    let sequence =
      current?.sequence ?? answers.add(AnswerQueue.Pending(isHead: false, isOldVersion: false))
    current = nil
    owesContinue = false
    answer(sequence, with: refusal.response)
  }

  /// Asks for the body when the client waits to be asked and all earlier answers have left.
  func payContinue() {
    guard owesContinue, let current, answers.isNext(current.sequence) else { return }
    owesContinue = false
    stream.write { $0.append(contentsOf: "HTTP/1.1 100 Continue\r\n\r\n".utf8) }
  }
}
