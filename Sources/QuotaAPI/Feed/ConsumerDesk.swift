internal import HTTPServer
internal import QuotaModel
public import QuotaService
internal import Synchronization

/// Where requests to change consumers wait for the disk. Belongs to the loop's thread, but for its inbox.
public final class ConsumerDesk {
  let consumers: Consumers
  private let inbox = Inbox()
  private var pending: [UInt64: (ConsumerAnswer) -> Void] = [:]
  private var lastNumber: UInt64 = 0

  /// `wake` is called from another thread: then ``collect()`` is to be called on the loop's.
  public init(of store: Store, wake: @escaping @Sendable () -> Void) throws(StoreFailure) {
    let inbox = inbox
    consumers = try Consumers(of: store) { (delivered) in
      inbox.put(delivered)
      wake()
    }
  }

  /// Has a request carried out; `complete` gets its answer on this thread. false: too many wait.
  func submit(
    _ request: ConsumerRequest, _ complete: @escaping (ConsumerAnswer) -> Void
  ) -> Bool {
    lastNumber += 1
    pending[lastNumber] = complete
    guard consumers.submit(request, number: lastNumber) else {
      pending[lastNumber] = nil
      return false
    }
    return true
  }

  /// Completes what has been carried out.
  public func collect() {
    for (number, answer) in inbox.takeAll() { pending.removeValue(forKey: number)?(answer) }
  }

  /// Carries out what waits; nothing is taken any more.
  public func stop() { consumers.stop() }

  /// Answers on their way from the consumers' thread.
  private final class Inbox: Sendable {
    private let answers = Mutex<Consumers.Delivery>([])

    func put(_ new: Consumers.Delivery) { answers.withLock { $0 += new } }

    func takeAll() -> Consumers.Delivery {
      answers.withLock { (answers) in
        defer { answers = [] }
        return answers
      }
    }
  }
}
