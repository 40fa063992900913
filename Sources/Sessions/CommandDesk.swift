public import QuotaService
internal import Synchronization

/// Takes commands to the committer and brings the answers back to whoever asked. Belongs to the loop's
/// thread, but for its inbox.
public final class CommandDesk {
  /// Numbers from here on are ours: the committer serves others too.
  private static let firstNumber: UInt64 = 1 << 63

  /// What the committer's thread hands over.
  public final class Inbox: Sendable {
    private let content = Mutex(Content())

    fileprivate struct Content: Sendable {
      var news: [SessionNews] = []
      var rights: RightsEpoch?
      var answers: [Committer.NumberedAnswer] = []
    }

    public init() {}

    public func put(_ news: [SessionNews]) {
      content.withLock { $0.news.append(contentsOf: news) }
    }

    public func noteRightsChanged(_ rights: RightsEpoch) {
      content.withLock { $0.rights = rights }
    }

    /// Takes the answers that are a desk's out of what the committer delivers.
    public func take(from answers: inout [Committer.NumberedAnswer]) {
      guard answers.contains(where: { $0.number >= CommandDesk.firstNumber }) else { return }
      let mine = answers.filter { $0.number >= CommandDesk.firstNumber }
      answers.removeAll { $0.number >= CommandDesk.firstNumber }
      content.withLock { $0.answers.append(contentsOf: mine) }
    }

    fileprivate func takeAll() -> Content {
      content.withLock { (content) in
        defer { content = Content() }
        return content
      }
    }
  }

  private let lanes: CommandLanes
  private let inbox: Inbox
  private let hub: SessionHub
  private var waiting: [UInt64: (Answer) -> Void] = [:]
  private var nextNumber = firstNumber

  public init(_ lanes: CommandLanes, _ inbox: Inbox, _ hub: SessionHub) {
    self.lanes = lanes
    self.inbox = inbox
    self.hub = hub
    lanes.onRefusal.append { [unowned self] in
      waiting.removeValue(forKey: $0)?(
        .failed(.unavailable(reason: "too many commands are waiting")))
    }
  }

  /// Asks the committer; `complete` gets the answer on this thread, after everybody has heard what
  /// happened.
  public func submit(_ submission: Submission, _ complete: @escaping (Answer) -> Void) {
    submit(submission, .settled, complete)
  }

  /// The same for what somebody asks for, who has been asked for the right to it now: it is refused where that
  /// goes before it is decided.
  public func submit(asked submission: Submission, _ complete: @escaping (Answer) -> Void) {
    submit(submission, lanes.rights, complete)
  }

  private func submit(
    _ submission: Submission, _ rights: RightsEpoch, _ complete: @escaping (Answer) -> Void
  ) {
    nextNumber += 1
    waiting[nextNumber] = complete
    lanes.submit(Committer.Ticket(submission, number: nextNumber, rights: rights))
  }

  /// Hands over the commands of this loop turn.
  public func flush() { lanes.flush() }

  /// Says that rights have changed, passes on what happened, and then the answers.
  public func collect() {
    let content = inbox.takeAll()
    // Whoever has lost a right hears nothing of what happened with it or after it.
    if let rights = content.rights {
      lanes.rights = rights
      hub.noteRightsChanged()
    }
    lanes.answered(content.answers.count)
    hub.deliver(content.news)
    for (number, answer) in content.answers { waiting.removeValue(forKey: number)?(answer) }
  }

  public var isBusy: Bool { !waiting.isEmpty }
}
