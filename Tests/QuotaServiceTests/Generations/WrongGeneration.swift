import EventLog
import Evidence
import Foundation
import LedgerSimulation
import Projections
import QuotaModel
import QuotaService
import Testing

/// A stopped store with a second generation, which is folded from other events than the log has.
struct WrongGeneration {
  let directory: TemporaryDirectory
  var path: String { directory.path + "/store" }
  let users = (System.randomUser(), System.randomUser())

  /// The operator gives the first user 1, 2, 3 … tokens, and the second one 5 in between.
  init(spendCount: Int, folding change: (Event) -> Event) throws {
    directory = try TemporaryDirectory()
    let clock = HandClock(at: Moment(microseconds: 1_768_480_000_000_000))
    try Store.create(at: path, clock: clock.clock)
    try record(spendCount, clock)
    try fold(change)
  }

  private func record(_ count: Int, _ clock: HandClock) throws {
    let store = try Store(at: path, mode: .writing)
    let ledger = try Ledger(store: store, clock: clock.clock)
    for (user, name) in [(users.0, "mia"), (users.1, "noah")] {
      let registration = Registration(user: user, name: try UserName(name), role: .user)
      _ = ledger.execute([Submission(.register(registration), by: .operator)])
    }
    for number in 1...count {
      let commands = [Command.usage(of: users.0, Int64(number)), .usage(of: users.1, 5)]
      _ = ledger.execute(commands.map { Submission($0, by: .operator) })
    }
    ledger.storeFolded()
    try store.close()
  }

  /// Folds the log into generation 2 as `change` has it.
  private func fold(_ change: (Event) -> Event) throws {
    _ = try ProjectionStore(ofStoreAt: path).rebuild()
    let place = path + "/projections/2"
    let state = try #require(try Generation(at: place, isReadOnly: true).state())
    let events = try Self.events(ofStoreAt: path)
    for name in ["data.mdb", "lock.mdb"] {
      try FileManager.default.removeItem(atPath: "\(place)/\(name)")
    }
    let generation = try Generation(at: place, isReadOnly: false)
    try generation.initialise(
      ProjectionState(log: state.log, calendar: state.calendar, zoneDigest: state.zoneDigest))
    let folder = try Folder(
      generation: generation, purpose: .rebuilding,
      calendarSource: { setting throws(ProjectionFailure) in
        do { return try TimeZones.calendar(setting) } catch { throw .unknownZone(setting.zone) }
      })
    var batch = try folder.beginBatch()
    for event in events {
      let event = change(event)
      try batch.fold(
        FoldedEvent(
          position: event.position, recordedAt: event.recordedAt, happenedAt: event.happenedAt,
          actor: event.actor, requestID: nil, change: .other(event.fact)))
    }
    try batch.commit(mayWait: false)
    let log = try LMDBLog(at: path + "/log", mode: .reading)
    try generation.noteAnchor { (position) throws(ProjectionFailure) in
      do throws(ProofRefused) {
        return try log.root(of: TreeSize(position.rawValue)).bytes
      } catch {
        throw .other(error.description)
      }
    }
    try generation.markClosed(bootID: Self.bootID())
  }

  private static func bootID() throws -> String {
    try String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8)
      .trimmingCharacters(in: .whitespacesAndNewlines)
  }

  private static func events(ofStoreAt path: String) throws -> [Event] {
    var events: [Event] = []
    let log = try LMDBLog(at: path + "/log", mode: .reading)
    try log.scan(after: .zero) { record in
      if let event = try? record.event() { events.append(event) }
      return .proceed
    }
    return events
  }

  func difference() throws -> FoundDifference? {
    try ProjectionStore(ofStoreAt: path).compare(1, 2).difference
  }
}
