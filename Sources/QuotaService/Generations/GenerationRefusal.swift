/// Why a generation of the projection cannot be used as was asked; each description says what to do.
public enum GenerationRefusal: Error, Hashable, Sendable {
  /// Another rebuild is running.
  case rebuildUnderWay(process: Int32?)
  /// Another swap is running.
  case swapUnderWay(process: Int32?)
  case missing(UInt64)
  case isLive(UInt64)
  case isBeingBuilt(UInt64, process: Int32?)
  case unusable(UInt64, String)
  /// The calendar of the log has changed since the generation was folded.
  case calendarChanged(UInt64)
  /// The log grows as quickly as the generation is caught up.
  case tooFarBehind(UInt64)
  case noPrevious
  /// The live one has to be folded anew, which only a process that may write does.
  case awaitsFold(UInt64, String)
  /// A process of this store has it open still.
  case stillOpen(UInt64)
  /// A generation is to be compared with itself.
  case sameTwice(UInt64)
  /// A server does not store what it has folded up to a position, so that nothing can be compared there.
  case notStored(UInt64, upTo: UInt64)
  /// The process that writes to the store does not answer.
  case writerSilent(process: Int32?)
  /// It ended while it was asked.
  case writerEnded
  /// The server said no, in its words.
  case refusedByServer(String)
  /// The server stops.
  case stopping
}

extension GenerationRefusal: CustomStringConvertible {
  public var description: String {
    switch self {
    case .rebuildUnderWay(let process):
      "another rebuild is running\(Self.text(of: process)): wait until it ends, or stop it; "
        + "it can be gone on with"
    case .swapUnderWay(let process):
      "another swap is running\(Self.text(of: process)): wait until it ends"
    case .missing(let number):
      "there is no generation \(number): see `quotalog projections list`"
    case .isLive(let number):
      "generation \(number) is the live one already: choose another one from "
        + "`quotalog projections list`"
    case .isBeingBuilt(let number, let process):
      "generation \(number) is being built\(Self.text(of: process)): wait until that ends"
    case .unusable(let number, let why):
      "generation \(number) cannot be used: \(why); make a new one with "
        + "`quotalog projections rebuild`"
    case .calendarChanged(let number):
      "generation \(number) was folded with another calendar: make a new one with "
        + "`quotalog projections rebuild`"
    case .tooFarBehind(let number):
      "generation \(number) does not come near the end of the log, which grows as quickly: try again "
        + "when less is written"
    case .noPrevious:
      "no generation is known that was live before: see `quotalog projections list`, and choose one "
        + "with `quotalog projections swap N`"
    case .awaitsFold(let number, let why):
      "generation \(number) waits to be folded anew, because \(why): a server that starts does that, or "
        + "any command that may write; try again then"
    case .stillOpen(let number):
      "generation \(number) is still being read from: try again in a moment"
    case .sameTwice(let number):
      "generation \(number) is the same as itself: name two different ones"
    case .notStored(let number, let position):
      "the server has not stored generation \(number) up to position \(position): try again, or stop "
        + "it first"
    case .writerSilent(let process):
      "the process that writes to the store\(Self.text(of: process)) does not answer: if it is no "
        + "server, wait until it has ended, and try again"
    case .writerEnded:
      "the server ended while it was asked: see `quotalog projections list`, and try again"
    case .refusedByServer(let text): text
    case .stopping: "the server is stopping: try again when it has ended or serves again"
    }
  }

  private static func text(of process: Int32?) -> String {
    process.map { " (pid \($0))" } ?? ""
  }

  var remedy: StoreFailure.Remedy {
    switch self {
    case .rebuildUnderWay, .swapUnderWay, .isBeingBuilt, .stillOpen, .writerSilent, .writerEnded,
      .refusedByServer, .stopping, .notStored, .tooFarBehind, .awaitsFold:
      .waitOrStopTheOther
    case .sameTwice: .correctTheSetting
    case .missing, .noPrevious: .nameAnotherInput
    case .isLive, .unusable, .calendarChanged: .restoreOrCorrect
    }
  }
}
