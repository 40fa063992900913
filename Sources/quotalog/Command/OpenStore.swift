internal import EventJSON
internal import QuotaModel
internal import QuotaService

/// Stores as commands open them.
enum OpenStore {
  /// For a command that changes something: alone.
  static func forWriting(
    _ arguments: Arguments, acceptingLostEvents: Bool = false, acceptingLostNames: Bool = false,
    checkingPages: Bool = false
  ) throws(ExitFailure) -> Store {
    let path = try arguments.dataPath()
    return try usingStore { () throws(StoreFailure) in
      try store(
        path, .writing, acceptingLostEvents: acceptingLostEvents,
        acceptingLostNames: acceptingLostNames, checkingPages: checkingPages)
    }
  }

  /// For a command that only looks: alone where nobody serves the store, which brings the projection
  /// up to date, else beside the server.
  static func forReading(_ arguments: Arguments) throws(ExitFailure) -> Store {
    let path = try arguments.dataPath()
    do throws(StoreFailure) {
      return try store(path, .writing)
    } catch .inUse, .permissionDenied {
      return try open(path, .reading)
    } catch {
      throw ExitFailure(error)
    }
  }

  /// For a backup: not alone, because a server must be able to start meanwhile; but alone where the store
  /// lacks something that only its writer makes, such as the Merkle tree of a log from before there was one.
  static func forCopying(_ arguments: Arguments) throws(ExitFailure) -> Store {
    do {
      let store = try besideAServer(arguments)
      _ = try usingStore { () throws(StoreFailure) in try store.signCheckpoint() }
      return store
    } catch {
      // What cannot be made either is named by this attempt.
      return try forReading(arguments)
    }
  }

  /// Beside whoever writes, now or later.
  static func besideAServer(_ arguments: Arguments) throws(ExitFailure) -> Store {
    try open(arguments.dataPath(), .reading)
  }

  /// A store that was to be opened alone.
  enum Alone {
    case opened(Store)
    /// Another process writes to it.
    case inUse
    /// This process may not write to it, or nobody may: the file system is read-only.
    case notWritable
  }

  /// Alone, or why that is not possible now.
  static func aloneIfPossible(_ arguments: Arguments) throws(ExitFailure) -> Alone {
    let path = try arguments.dataPath()
    do throws(StoreFailure) {
      return .opened(try store(path, .writing))
    } catch .inUse {
      return .inUse
    } catch .permissionDenied {
      return .notWritable
    } catch {
      throw ExitFailure(error)
    }
  }

  /// Checks the pages of the log, before all of it is read: LMDB may crash on a damaged one.
  static func checkLogPages(_ arguments: Arguments) throws(ExitFailure) {
    let path = try arguments.dataPath()
    let bar = ProgressBar("checking pages")
    defer { bar.end() }
    _ = try usingStore { () throws(StoreFailure) in
      try Store.checkLogPages(at: path) { bar.show($0, of: $1) }
    }
  }

  private static func open(_ path: String, _ mode: Store.Mode) throws(ExitFailure) -> Store {
    try usingStore { () throws(StoreFailure) in try store(path, mode) }
  }

  private static func store(
    _ path: String, _ mode: Store.Mode, acceptingLostEvents: Bool = false,
    acceptingLostNames: Bool = false, checkingPages: Bool = false
  ) throws(StoreFailure) -> Store {
    let bar = ProgressBar("folding the log")
    defer { bar.end() }
    return try Store(
      at: path, mode: mode, acceptingLostEvents: acceptingLostEvents,
      acceptingLostNames: acceptingLostNames, checkingPages: checkingPages
    ) {
      bar.show($0, of: $1)
    }
  }
}

extension Store {
  /// Carries out commands of the operator, one after another.
  func execute(_ command: Command) throws(ExitFailure) -> Answer {
    let ledger = try usingStore { () throws(StoreFailure) in try Ledger(store: self) }
    let answer = ledger.execute([Submission(command, by: .operator)])[0]
    if case .failed(let failure) = answer { throw QuotalogFailure.of(failure) }
    return answer
  }

  /// Flushes and closes behind `body`, also where that ends early: what was done by then stays done.
  func finish(after body: () throws(ExitFailure) -> Void) throws(ExitFailure) {
    do throws(ExitFailure) {
      try body()
    } catch {
      try finish()
      throw error
    }
    try finish()
  }

  /// Flushes and closes.
  func finish() throws(ExitFailure) {
    try usingStore { () throws(StoreFailure) in try close() }
  }
}

/// What the command says of each failure of a command to the ledger.
enum QuotalogFailure {
  static func of(_ failure: CommandFailure) -> ExitFailure {
    switch failure {
    case .unknownUser:
      ExitFailure(.badData, "no user has this id or name: see `quotalog user list`")
    case .userErased:
      ExitFailure(.badData, "the user was erased, which cannot be undone: add a new one")
    case .userExists: ExitFailure(.badData, "a user with this UUID exists already")
    case .nameTaken: ExitFailure(.badData, "another user has this name already")
    case .nameRefused(let rule): ExitFailure(.badData, "the name \(rule)")
    case .lastStaff:
      ExitFailure(.badData, "nobody else could manage users: make another user staff")
    case .tokenExists: ExitFailure(.badData, "this token was issued before")
    case .unknownToken: ExitFailure(.badData, "there is no token with this id")
    case .requestConflict(let member, let position):
      ExitFailure(
        .badData, "the same id was recorded at position \(position) with another \(member)")
    case .overflow:
      ExitFailure(.badData, "the user's total would exceed 9223372036854775807 tokens")
    case .inTheFuture(let limitSeconds):
      ExitFailure(.badData, "time is more than \(limitSeconds) s ahead of the clock")
    case .unknownHold: ExitFailure(.badData, "there is no such hold")
    case .foreignHold: ExitFailure(.badData, "the hold belongs to somebody else")
    case .holdEnded: ExitFailure(.badData, "the hold has ended before")
    case .unknownEvent: ExitFailure(.badData, "there is no such event: see `quotalog log`")
    case .foreignEvent: ExitFailure(.badData, "the event belongs to somebody else")
    case .notCorrectable(let kind):
      ExitFailure(.badData, "nothing of an event of the type \(kind.name) can be corrected")
    case .unlimited(let period):
      ExitFailure(
        .badData,
        "the \(period.name) limit has no bound: nothing can be allowed on top of it")
    case .unknownSchedule: ExitFailure(.badData, "there is no such scheduled change")
    case .notInTheFuture: ExitFailure(.badData, "the moment must lie in the future")
    case .tooLate(let limitSeconds):
      ExitFailure(.badData, "time is more than \(limitSeconds) s back")
    case .sessionOfAnotherUser:
      ExitFailure(.badData, "the session belongs to another user than the hold")
    case .tooManyCalls:
      ExitFailure(.badData, "as many calls are under way in the session as may be")
    case .unknownSession: ExitFailure(.badData, "there is no such session")
    case .sessionOfAnother: ExitFailure(.badData, "another user's session has this id")
    case .sessionConflict(let member):
      ExitFailure(.badData, "the session was begun with another \(member)")
    case .sessionClosed: ExitFailure(.badData, "the session was shut down: resume it first")
    case .callInFlight: ExitFailure(.badData, "a model call is under way")
    case .unknownBudget: ExitFailure(.badData, "there is no such shared budget")
    case .answerNotYours:
      ExitFailure(
        .badData, "the question is about a shared budget: a session's client can only cancel")
    case .creditsOverflow:
      ExitFailure(.badData, "the sum would exceed 9223372036854775807 nano-credits")
    case .unavailable(let reason): ExitFailure(.inputOutput, "nothing was written: \(reason)")
    }
  }
}
