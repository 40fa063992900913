internal import Glibc
public import QuotaModel
internal import Synchronization

/// How far the receivers of events outside have come, by name: the file `webhooks` of a store.
///
/// A flush may take long, so a thread of its own writes the file. Names that nobody asks for any more
/// stay, so that a receiver that comes back misses nothing.
public final class DeliveryPositions: Sendable {
  private let file: DeliveryFile
  private let waiting = WorkQueue<[String: Position]>(capacity: 1)
  private let thread: Mutex<pthread_t?>

  /// Starts the thread.
  public init(of store: Store) {
    let file = DeliveryFile(PositionFile(of: .webhooks, in: store))
    let waiting = waiting
    self.file = file
    thread = Mutex(
      Thread.start(named: "positions") {
        var positions: [[String: Position]] = []
        while waiting.moveAll(to: &positions, waitingAtMost: 60_000) {
          if let newest = positions.last { file.writeOrRemember(newest) }
          positions.removeAll()
        }
      })
  }

  deinit { stop() }

  /// What the file holds; nothing where there is none, or one of another log.
  public func read() throws(StoreFailure) -> [String: Position] { try file.read() }

  /// Writes the file, and returns when it is on the disk. Not while the thread may be writing: before the
  /// first `writeLater` or after `stop`.
  public func write(_ positions: [String: Position]) throws(StoreFailure) {
    try file.write(positions)
  }

  /// Has the thread write the file; false where it still has to begin with the ones before.
  public func writeLater(_ positions: [String: Position]) -> Bool {
    var new = [positions]
    waiting.take(from: &new)
    return new.isEmpty
  }

  /// Why the thread could not write the last time; nil where it could.
  public var failure: StoreFailure? { file.failure }

  /// Writes what waits, and ends the thread.
  public func stop() {
    waiting.close()
    if let ending = thread.withLock({ $0.take() }) { pthread_join(ending, nil) }
  }
}

/// The file: a line for each name, with its position.
private final class DeliveryFile: Sendable {
  private let file: PositionFile
  private let lastFailure = Mutex<StoreFailure?>(nil)

  init(_ file: PositionFile) { self.file = file }

  var failure: StoreFailure? { lastFailure.withLock { $0 } }

  func read() throws(StoreFailure) -> [String: Position] {
    var positions: [String: Position] = [:]
    for words in try file.read() {
      guard words.count == 2, let number = UInt64(words[1]) else { throw file.damage }
      positions[String(words[0])] = Position(number)
    }
    return positions
  }

  func write(_ positions: [String: Position]) throws(StoreFailure) {
    try file.write(positions.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" })
  }

  func writeOrRemember(_ positions: [String: Position]) {
    var failure: StoreFailure?
    do throws(StoreFailure) { try write(positions) } catch { failure = error }
    lastFailure.withLock { $0 = failure }
  }
}

extension PositionFile {
  /// How many keep their place; throws for a line that a server would not start with.
  func readerCount() throws(StoreFailure) -> Int {
    switch readers {
    case .webhooks: try DeliveryFile(self).read().count
    case .consumers: try ConsumerBook(self, head: .zero).sorted.count
    }
  }
}
