public import QuotaModel
internal import Synchronization

/// Asks long questions on threads of their own and brings the answers back to whoever asked. Belongs to
/// the thread of the loop, which must never do anything for long.
///
/// A question reads what was committed when it is asked: ``Queries`` may be used on any thread.
public final class ReadingDesk {
  /// Long questions that are answered at the same time, of as many users.
  public static let threadCount = 4

  private let threads: ReadingThreads
  private let answered: Answered
  private var waiting: [UInt64: () -> Void] = [:]
  private var lastNumber: UInt64 = 0

  /// `wake` is called on any thread, when it is time to ``collect()``.
  public init(threadCount: Int = ReadingDesk.threadCount, wake: @escaping @Sendable () -> Void) {
    threads = ReadingThreads(count: threadCount)
    answered = Answered(wake: wake)
  }

  /// Asks a question for a user, of whose questions one is answered at a time; `complete` gets the answer
  /// on this thread. False where too many of that user wait.
  public func ask<Value: Sendable>(
    for user: UserID?, _ question: @escaping @Sendable () -> Value,
    _ complete: @escaping (Value) -> Void
  ) -> Bool {
    ask(for: user, isPatient: false, question, complete)
  }

  /// The same for somebody who asks one question after the other, of which none is refused.
  public func askPatiently<Value: Sendable>(
    for user: UserID?, _ question: @escaping @Sendable () -> Value,
    _ complete: @escaping (Value) -> Void
  ) {
    _ = ask(for: user, isPatient: true, question, complete)
  }

  private func ask<Value: Sendable>(
    for user: UserID?, isPatient: Bool, _ question: @escaping @Sendable () -> Value,
    _ complete: @escaping (Value) -> Void
  ) -> Bool {
    lastNumber += 1
    let slot = Slot<Value>()
    let isTaken = threads.run(
      { [answered, number = lastNumber] in
        slot.put(question())
        answered.add(number)
      }, for: user, isPatient: isPatient)
    if isTaken { waiting[lastNumber] = { if let value = slot.take() { complete(value) } } }
    return isTaken
  }

  /// Passes on the answers that have come.
  public func collect() {
    for number in answered.takeAll() { waiting.removeValue(forKey: number)?() }
  }

  public var isBusy: Bool { !waiting.isEmpty }

  /// Ends the threads, and with them questions that nobody waits for any more.
  public func stop() {
    threads.stop()
    waiting = [:]
  }

  /// One answer on its way from one thread to another.
  private final class Slot<Value: Sendable>: Sendable {
    private let value = Mutex<Value?>(nil)

    func put(_ value: Value) { self.value.withLock { $0 = value } }

    func take() -> Value? { value.withLock { $0.take() } }
  }

  /// The numbers of questions that have been answered.
  private final class Answered: Sendable {
    private let numbers = Mutex<[UInt64]>([])
    private let wake: @Sendable () -> Void

    init(wake: @escaping @Sendable () -> Void) { self.wake = wake }

    func add(_ number: UInt64) {
      numbers.withLock { $0.append(number) }
      wake()
    }

    func takeAll() -> [UInt64] {
      numbers.withLock { (numbers) in
        defer { numbers = [] }
        return numbers
      }
    }
  }
}
