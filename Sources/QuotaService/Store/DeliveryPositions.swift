internal import Glibc
public import QuotaModel
internal import Synchronization

/// How far the receivers of events outside have come, by name: the file `webhooks` of a store.
///
/// A flush may take long, so a thread of its own writes the file. Names that nobody asks for any more
/// stay, so that a receiver that comes back misses nothing.
public final class DeliveryPositions: Sendable {
  private let file: PositionFile
  private let waiting = WorkQueue<[String: Position]>(capacity: 1)
  private let thread: Mutex<pthread_t?>

  /// Starts the thread.
  public init(of store: Store) {
    let file = PositionFile(path: store.path + "/webhooks", log: store.logID)
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

/// The file: a line with its format, one with the log that it is about, one for each name.
private final class PositionFile: Sendable {
  private static let format = "quotalog-webhooks 1"

  private let path: String
  private let log: UserID
  private let lastFailure = Mutex<StoreFailure?>(nil)

  init(path: String, log: UserID) {
    self.path = path
    self.log = log
  }

  var failure: StoreFailure? { lastFailure.withLock { $0 } }

  func read() throws(StoreFailure) -> [String: Position] {
    guard Files.exists(path) else { return [:] }
    let bytes = try usingFiles { () throws(FileFailure) in try Files.read(path) }
    let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
    guard lines.count >= 2, lines[0] == Self.format, lines[1].hasPrefix("log ") else {
      throw .positionsDamaged(path: path)
    }
    guard lines[1] == "log \(log)" else { return [:] }
    var positions: [String: Position] = [:]
    for line in lines.dropFirst(2) {
      let words = line.split(separator: " ", omittingEmptySubsequences: false)
      guard words.count == 2, let number = UInt64(words[1]) else {
        throw .positionsDamaged(path: path)
      }
      positions[String(words[0])] = Position(number)
    }
    return positions
  }

  func write(_ positions: [String: Position]) throws(StoreFailure) {
    let lines = positions.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
    let text = ([Self.format, "log \(log)"] + lines).map { $0 + "\n" }.joined()
    try usingFiles { () throws(FileFailure) in try Files.replace(path, with: Array(text.utf8)) }
  }

  func writeOrRemember(_ positions: [String: Position]) {
    var failure: StoreFailure?
    do throws(StoreFailure) { try write(positions) } catch { failure = error }
    lastFailure.withLock { $0 = failure }
  }
}
