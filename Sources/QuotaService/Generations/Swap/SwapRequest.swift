internal import QuotaModel

/// What a command asks the process for that writes to the store: a small file in the directory of the
/// projections, which the asked one takes away, and another one for the answer.
///
/// Whoever may write into the directory may ask; no token is needed, and no address.
struct SwapRequest {
  let number: UInt64
  /// Tells the answer from one to somebody before.
  let token: String

  init(_ number: UInt64) {
    self.number = number
    token = String(System.randomWord(), radix: 16)
  }

  /// The request that waits, which does so no more; nil where there is none, and where whoever asked
  /// has ended since.
  static func take(in directory: String) -> SwapRequest? {
    let path = path(in: directory)
    guard let bytes = try? Files.read(path) else { return nil }
    // Where it cannot be removed it would be taken again and again.
    guard (try? Files.remove(path)) == true, FileLock.isHeld(SwapLock.path(in: directory)) else {
      return nil
    }
    let words = String(decoding: bytes, as: UTF8.self).split { $0 == " " || $0 == "\n" }
    guard words.count == 2, let number = UInt64(words[0]) else { return nil }
    return SwapRequest(number: number, token: String(words[1]))
  }

  private init(number: UInt64, token: String) {
    self.number = number
    self.token = token
  }

  func put(in directory: String) throws(StoreFailure) {
    let path = Self.path(in: directory)
    try Files.write(path + ".new", Array("\(number) \(token)\n".utf8), isDurable: false)
    try Files.rename(path + ".new", to: path)
  }

  /// Answers false where somebody has taken it.
  func withdraw(from directory: String) throws(StoreFailure) -> Bool {
    try Files.remove(Self.path(in: directory))
  }

  func isWaiting(in directory: String) -> Bool { Files.exists(Self.path(in: directory)) }

  private static func path(in directory: String) -> String { directory + "/swap.request" }
}

/// Held by the one command that asks for a swap, or swaps itself.
struct SwapLock {
  private let lock: FileLock

  init(in directory: String) throws(StoreFailure) {
    let path = Self.path(in: directory)
    let lock = try FileLock(path)
    guard let lock else { throw .generation(.swapUnderWay(process: FileLock.holder(of: path))) }
    self.lock = lock
  }

  static func path(in directory: String) -> String { directory + "/swap.lock" }
}

/// What the asked process says: how far it has come, and how it ended.
enum SwapAnswer: Equatable {
  case folding(done: UInt64, total: UInt64)
  case swapped(SwapReport)
  case refused(String)

  /// The answer to `request` in `directory`, or nil.
  init?(to request: SwapRequest, in directory: String) {
    guard let bytes = try? Files.read(Self.path(in: directory)) else { return nil }
    let words = String(decoding: bytes, as: UTF8.self)
      .split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
    guard words.count == 3, words[0] == request.token else { return nil }
    let numbers = words[2].split(separator: " ").map { UInt64($0) }
    switch (words[1], numbers.count) {
    case ("folding", 2): self = .folding(done: numbers[0] ?? 0, total: numbers[1] ?? 0)
    case ("swapped", 4):
      self = .swapped(
        SwapReport(
          number: numbers[0] ?? 0, previous: numbers[1] == 0 ? nil : numbers[1],
          position: .init(numbers[2] ?? 0), pauseMicroseconds: numbers[3].map { Int64($0) }))
    case ("refused", _): self = .refused(String(words[2]))
    default: return nil
    }
  }

  fileprivate var words: String {
    switch self {
    case .folding(let done, let total): "folding \(done) \(total)"
    case .swapped(let report):
      "swapped \(report.number) \(report.previous ?? 0) \(report.position) "
        + "\(report.pauseMicroseconds ?? 0)"
    case .refused(let text): "refused \(text)"
    }
  }

  fileprivate static func path(in directory: String) -> String { directory + "/swap.answer" }
}

/// Writes answers to one request.
final class SwapAnswers {
  private static let reportMicroseconds: Int64 = 200_000

  private let request: SwapRequest
  private let directory: String
  private var lastReport: Int64 = 0

  init(to request: SwapRequest, in directory: String) {
    self.request = request
    self.directory = directory
  }

  func report(_ done: UInt64, of total: UInt64) {
    let now = System.clock().microseconds
    guard abs(now - lastReport) > Self.reportMicroseconds else { return }
    lastReport = now
    answer(.folding(done: done, total: total))
  }

  /// Where the answer cannot be written, on a full disk, whoever asked sees in the list what became.
  func answer(_ answer: SwapAnswer) {
    let path = SwapAnswer.path(in: directory)
    do throws(StoreFailure) {
      let text = "\(request.token) \(answer.words)"
      try Files.write(path + ".new", Array(text.utf8), isDurable: false)
      try Files.rename(path + ".new", to: path)
    } catch {}
  }
}
