internal import EventLog
internal import Projections
internal import QuotaModel

extension Store {
  /// So long a start waits for readers of the file of names before it leaves bytes to be overwritten later.
  private static let overwritingTime = Duration.seconds(2)

  /// Throws `namesMissing` where the file of names lacks some that the log has counted.
  ///
  /// The log is asked first: beside a writer its count comes after the names.
  static func checkNames(_ names: NameStore, against log: LMDBLog) throws(StoreFailure) {
    guard let known = try usingLog({ () throws(LogFailure) in try log.nameTally() }) else { return }
    let found = try names.tally()
    guard found.covers(known) else {
      throw .namesMissing(path: names.path, found: found.givenCount, of: known.givenCount)
    }
  }

  /// The same of a store that may be served, opening no more than these two files.
  public static func checkNames(ofStoreAt path: String) throws(StoreFailure) {
    let log = try usingLog(LMDBLog(at: path + "/log", mode: .reading))
    try checkNames(NameStore(at: path + "/names", isReadOnly: true), against: log)
  }

  /// Has the file of names and the log agree: what the log does not bear out, or has erased, is removed, and the
  /// count in the log is that of the file. Answers whether the file still has bytes of it.
  ///
  /// Does nothing while the projection is behind the log and knows not all of its users, nor after a start on a
  /// full disk, where what it shows of the log's end knows of no session: the recovery does it then, before a name
  /// is given.
  func reconcileNames() throws(StoreFailure) -> Bool {
    guard outageSinceStart == nil else { return false }
    let head = try usingLog(log.head())
    let folded = try Queries(self).system().position
    guard folded >= head else { return false }
    let known = try usingLog(log.nameTally())
    try names.removeLatest(without: logEvidence)
    let found = try names.tally()
    let isCounted = known.map { found.covers($0) && found.givenCount == $0.givenCount } ?? false
    if !isCounted {
      // Nobody counted before, a loss was accepted, or the log has lost its end: everything is looked at.
      try names.removeAll(without: logEvidence)
      let tally = try names.tally()
      try usingLog(log.store(tally))
    }
    return try eraseDeleted()
  }

  /// The same at a start, when nobody waits for a commit, with the bytes where no reader is in the way for long.
  func reconcileNamesAtStart() throws(StoreFailure) {
    do throws(StoreFailure) {
      guard try reconcileNames() else { return }
      let end = ContinuousClock.now + Self.overwritingTime
      // Where a reader is slower, the ledger goes on with it: the marks stay.
      _ = try names.overwriteRemains { ContinuousClock.now < end }
    } catch {
      // The ledger does it before anything else; until there is room, questions can be answered.
      guard error.remedy == .makeRoom else { throw error }
    }
  }

  private var logEvidence: NameStore.LogEvidence {
    NameStore.LogEvidence(
      standing: { (user) throws(StoreFailure) in
        let account = try Queries(self).user(.id(user))?.account
        return account.map { $0.isErased ? .erased : .registered } ?? .unknown
      },
      hasText: { (text) throws(StoreFailure) in
        let session = try Queries(self).session(text.session)
        guard let session, session.phase != .deleted else { return false }
        let head = try usingLog(self.log.head())
        return text.position <= head
      })
  }
}
