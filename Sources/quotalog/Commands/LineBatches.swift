internal import JSON
internal import QuotaModel
internal import QuotaService

/// What is wrong with a line of input.
struct LineFault: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// Commands from the lines of a file, carried out in batches; a bad line never spoils its neighbours.
final class LineBatches {
  private static let commandsPerBatch = 1000

  private let ledger: Result<Ledger, StoreFailure>
  private let fault: (Answer) -> String?
  private var waiting: [(submission: Submission, line: Int)] = []
  private(set) var doneCount: UInt64 = 0
  private(set) var replayedCount: UInt64 = 0
  private(set) var faultCount: UInt64 = 0
  /// Shown each answer, with its line.
  var onAnswer: ((Answer, Int) -> Void)?

  /// `fault` says what is wrong with an answer; nil where nothing is.
  init(_ store: Store, fault: @escaping (Answer) -> String?) {
    ledger = Result { () throws(StoreFailure) in try Ledger(store: store) }
    self.fault = fault
  }

  func add(_ command: Command, requestID: RequestID? = nil, line: Int) {
    waiting.append((Submission(command, by: .operator, requestID: requestID), line))
    if waiting.count == Self.commandsPerBatch { flush() }
  }

  func refuse(line: Int, _ text: String) {
    faultCount += 1
    Terminal.complain("line \(line): \(text)")
  }

  func flush() {
    let batch = waiting
    waiting.removeAll(keepingCapacity: true)
    switch ledger {
    case .failure(let failure):
      for item in batch { refuse(line: item.line, failure.description) }
    case .success(let ledger):
      for (item, answer) in zip(batch, ledger.execute(batch.map(\.submission))) {
        take(answer, item.line)
      }
    }
  }

  private func take(_ answer: Answer, _ line: Int) {
    if let text = fault(answer) {
      refuse(line: line, text)
    } else {
      doneCount += 1
      if case .recorded(let receipt) = answer, receipt.isReplayed { replayedCount += 1 }
    }
    onAnswer?(answer, line)
  }

  /// Says what was done, and fails if any line did.
  func report(done: String, _ arguments: Arguments) throws(ExitFailure) {
    if arguments.wantsJSON {
      var json = JSONWriter()
      json.beginObject()
      json.member("done", doneCount)
      json.member("replayed", replayedCount)
      json.member("failed", faultCount)
      json.endObject()
      json.newline()
      Terminal.write(json.take())
    } else {
      let replayed = replayedCount > 0 ? ", \(grouped(replayedCount)) of them known before" : ""
      Terminal.say("\(done) \(grouped(doneCount))\(replayed)")
    }
    if faultCount > 0 {
      throw ExitFailure(
        .badData, "\(faultCount) line(s) were refused; the others are recorded")
    }
  }
}
