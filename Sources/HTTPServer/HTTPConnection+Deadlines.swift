import EventLoop

extension HTTPConnection {
  /// Sets the deadlines for what the connection waits for now.
  func renewDeadlines() {
    deadlines.awaitInput(wait, at: context.sweep)
    deadlines.awaitOutput(
      pending: stream.pendingOutput, sent: stream.sentBytes, at: context.sweep)
  }

  /// Ends the connection if it has missed a deadline.
  func checkDeadlines() {
    switch deadlines.missed(at: context.sweep) {
    case nil: return
    case .output: cutOff(.clientTooSlow)
    case .input(.restOfRequest):
      refuse(.timedOut)
      settle()
    case .input: drop()
    }
  }

  private var wait: Deadlines.Wait {
    if stream.hasEndedOutput { return .end }
    guard mayRead else { return .nothing }
    let count = reader.completedCount
    if !unread.isEmpty || reader.isInBody {
      let steps = reader.heldBytes / max(context.limits.requestProgressBytes, 1)
      return .restOfRequest(after: count, steps: steps)
    }
    guard answers.isEmpty else { return .nothing }
    return count == 0 ? .firstRequest : .nextRequest(after: count)
  }
}
