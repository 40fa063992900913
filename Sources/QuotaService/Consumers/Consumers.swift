internal import Glibc
public import QuotaModel
internal import Synchronization

/// Keeps the places of named readers in the log, by the file `consumers` of a store.
///
/// A flush may take long, so a thread of its own carries requests out: all that wait become one file, and
/// each is answered when that is on the disk.
public final class Consumers: Sendable {
  public typealias Delivery = [(number: UInt64, answer: ConsumerAnswer)]

  /// Requests that may wait for the disk.
  private static let maximumWaitingCount = 4096

  private let current: CurrentBook
  private let waiting: WorkQueue<Ticket>
  private let thread: Mutex<pthread_t?>

  private struct Ticket: Sendable {
    let request: ConsumerRequest
    let number: UInt64
  }

  /// Reads the file and starts the thread, which calls `deliver`.
  public init(
    of store: Store, clock: @escaping Clock = System.clock,
    deliver: @escaping @Sendable (Delivery) -> Void
  ) throws(StoreFailure) {
    let queries = Queries(store)
    let file = PositionFile(of: .consumers, in: store)
    let keeper = ConsumerKeeper(queries: queries, file: file, clock: clock)
    let current = CurrentBook(try ConsumerBook(file, head: try queries.head()))
    let waiting = WorkQueue<Ticket>(capacity: Self.maximumWaitingCount)
    self.current = current
    self.waiting = waiting
    thread = Mutex(
      Thread.start(named: "consumers") {
        var tickets: [Ticket] = []
        while waiting.moveAll(to: &tickets, waitingAtMost: 60_000) {
          guard !tickets.isEmpty else { continue }
          let (book, answers) = keeper.carryOut(tickets.map(\.request), on: current.book)
          current.replace(with: book)
          deliver(zip(tickets, answers).map { ($0.number, $1) })
          tickets.removeAll()
        }
      })
  }

  deinit { stop() }

  /// The consumers as they are on the disk, by name.
  public var all: [Consumer] { current.book.sorted }

  public subscript(name: ConsumerName) -> Consumer? { current.book.consumers[name] }

  /// Has a request carried out, and its answer delivered under `number`; false where too many wait.
  public func submit(_ request: ConsumerRequest, number: UInt64) -> Bool {
    var new = [Ticket(request: request, number: number)]
    waiting.take(from: &new)
    return new.isEmpty
  }

  /// Carries out what waits, and ends the thread.
  public func stop() {
    waiting.close()
    if let ending = thread.withLock({ $0.take() }) { pthread_join(ending, nil) }
  }

  /// What the file of a store says, for whoever only reads it.
  public static func stored(in store: Store) throws(StoreFailure) -> [Consumer] {
    let head = try Queries(store).head()
    return try ConsumerBook(PositionFile(of: .consumers, in: store), head: head).sorted
  }
}

/// What is known to be on the disk.
private final class CurrentBook: Sendable {
  private let stored: Mutex<ConsumerBook>

  init(_ book: ConsumerBook) { stored = Mutex(book) }

  var book: ConsumerBook { stored.withLock { $0 } }

  func replace(with book: ConsumerBook) { stored.withLock { $0 = book } }
}

/// Carries requests out, and stores what they change.
private struct ConsumerKeeper: Sendable {
  let queries: Queries
  let file: PositionFile
  let clock: Clock

  /// All of it, or nothing: an answer may rest on what a request before it changed.
  func carryOut(
    _ requests: [ConsumerRequest], on book: ConsumerBook
  ) -> (book: ConsumerBook, answers: [ConsumerAnswer]) {
    do throws(StoreFailure) {
      let head = try queries.head()
      let moment = clock()
      var changed = book
      let answers = requests.map { changed.carryOut($0, head: head, at: moment) }
      if changed != book { try file.write(changed.lines) }
      return (changed, answers)
    } catch {
      return (book, requests.map { _ in .failed(error) })
    }
  }
}
