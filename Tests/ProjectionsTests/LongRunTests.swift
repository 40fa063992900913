import Projections
import QuotaModel
import TestSupport
import Testing

@Suite struct `A long run from the log` {
  /// What ids look like, which decides where they wait.
  enum Ids: CaseIterable {
    case byTheClock, atRandom, ofManyLengths, repeated, uuidsByTheClock, uuidsAtRandom
  }

  @Test(arguments: Ids.allCases, [3, 150])
  func `leaves the tables that folding one by one leaves`(ids: Ids, batches: Int) throws {
    var spends = Spends(ids)
    let events = spends.events(4000)
    let long = try LongRun(over: events.count)
    for part in events.parts(batches) { try long.fold(part) }
    try long.folder.storeAll()
    let plain = try LongRun(over: 0)
    try plain.fold(events)
    try plain.folder.storeAll()
    let difference = try long.folder.generation.difference(from: plain.folder.generation)
    #expect(difference == nil, "seed \(spends.numbers.seed)")
    #expect(try long.files() == ["data.mdb", "lock.mdb"])
  }

  @Test(arguments: [nil, 2])
  func `agrees with what was decided, whatever happened`(cached: Int?) throws {
    var history = RandomHistory()
    let events = (0..<1500).map { _ in history.next() }
    let live = try TestProjection()
    try live.fold(events, mayWait: false)
    let long = try LongRun(
      over: events.count, setting: history.reckoning.setting, maximumCachedAccountCount: cached)
    for part in events.parts(40) { try long.fold(part) }
    try long.folder.storeAll()
    let difference = try live.generation.difference(from: long.folder.generation)
    #expect(difference == nil, "seed \(history.numbers.seed)")
  }

  /// Killed at any time: amid folding, with what was folded last in memory only.
  @Test(arguments: Ids.allCases) func `goes on where it was killed`(ids: Ids) throws {
    var spends = Spends(ids)
    let events = spends.events(3000)
    let long = try LongRun(over: events.count)
    for _ in 0..<8 {
      let rest = events.dropFirst(Int(long.folder.state.position.rawValue))
      for part in Array(rest).parts(40).prefix(spends.int(20)) { try long.fold(part) }
      try long.kill(leavingHalfAFile: true)
    }
    try long.fold(Array(events.dropFirst(Int(long.folder.state.position.rawValue))))
    try long.folder.storeAll()
    let plain = try LongRun(over: 0)
    try plain.fold(events)
    try plain.folder.storeAll()
    let difference = try long.folder.generation.difference(from: plain.folder.generation)
    #expect(difference == nil, "seed \(spends.numbers.seed)")
  }

  /// Holds, limits, sessions: what is not stored yet goes with the process, and has to come again.
  @Test(arguments: [1, 120, 5000]) func `goes on with any history where it was killed`(
    eventsPerState: Int
  ) throws {
    var history = RandomHistory()
    let events = (0..<1500).map { _ in history.next() }
    let live = try TestProjection()
    try live.fold(events, mayWait: false)
    let long = try LongRun(
      over: events.count, setting: history.reckoning.setting, eventsPerState: eventsPerState)
    var resumed: Set<Position> = []
    for _ in 0..<8 {
      let rest = events.dropFirst(Int(long.folder.state.position.rawValue))
      let count = Int.random(in: 0..<20, using: &history.numbers)
      for part in Array(rest).parts(40).prefix(count) { try long.fold(part) }
      try long.kill()
      resumed.insert(long.folder.state.position)
    }
    try long.fold(Array(events.dropFirst(Int(long.folder.state.position.rawValue))))
    try long.folder.storeAll()
    let difference = try live.generation.difference(from: long.folder.generation)
    #expect(difference == nil, "seed \(history.numbers.seed)")
    if eventsPerState == 5000 { #expect(resumed.count <= 2, "only the first rows brought a state") }
  }

  @Test func `that was killed behind its last event still brings all rows into the tables`() throws
  {
    var spends = Spends(.atRandom)
    let events = spends.events(500)
    let long = try LongRun(over: events.count, eventsPerState: 1)
    for part in events.parts(5) { try long.fold(part) }
    try long.kill()
    #expect(long.folder.state.position == Position(UInt64(events.count)))
    try long.folder.storeAll()
    let plain = try LongRun(over: 0)
    try plain.fold(events)
    try plain.folder.storeAll()
    #expect(try long.folder.generation.difference(from: plain.folder.generation) == nil)
  }

  @Test func `says so where a run was taken away`() throws {
    var spends = Spends(.atRandom)
    let long = try LongRun(over: 500, eventsPerState: 1)
    for part in spends.events(500).parts(5) { try long.fold(part) }
    let run = try #require(try long.files().first { $0.hasPrefix("run-0-") })
    #expect(throws: ProjectionFailure.malformedRow(table: "runs")) {
      try long.kill { try TemporaryDirectory.remove("\(long.directory.path)/\(run)") }
    }
  }

  @Test func `says so where a run is cut short`() throws {
    var spends = Spends(.atRandom)
    let long = try LongRun(over: 500)
    for part in spends.events(500).parts(2) { try long.fold(part) }
    let run = try #require(try long.files().first { $0.hasPrefix("run-0-") })
    try TemporaryDirectory.cut("\(long.directory.path)/\(run)", to: 1000)
    #expect(throws: ProjectionFailure.malformedRow(table: "runs")) {
      try long.folder.storeAll()
    }
  }
}

/// A generation that a log is folded into, and the folder, which may be killed.
private final class LongRun {
  let directory = TemporaryDirectory()
  private(set) var folder: Folder
  private let eventCount: Int
  private let setting: CalendarSetting
  private let eventsPerState: Int?

  /// A run over no events is short.
  init(
    over eventCount: Int, setting: CalendarSetting = .default,
    maximumCachedAccountCount: Int? = nil, eventsPerState: Int? = 700
  ) throws {
    self.eventCount = eventCount
    self.setting = setting
    self.eventsPerState = eventsPerState
    let calendar = RandomHistory.calendar(setting)
    let generation = try Generation(at: directory.path, isReadOnly: false)
    try generation.initialise(
      ProjectionState(
        log: TestProjection.log, calendar: setting, zoneDigest: calendar.zone.digest))
    folder = try Self.folder(of: generation, maximumCachedAccountCount, eventsPerState)
    try begin()
  }

  func fold(_ events: [Event]) throws {
    var batch = try folder.beginBatch()
    for event in events { try batch.fold(event) }
    try batch.commit(mayWait: false)
  }

  /// Goes on with what the disk has, as a new process would.
  func kill(leavingHalfAFile: Bool = false, _ meanwhile: () throws -> Void = {}) throws {
    let other = TemporaryDirectory()
    let standIn = try Generation(at: other.path, isReadOnly: false)
    try standIn.initialise(try #require(try folder.generation.state()))
    folder = try Self.folder(of: standIn, nil, eventsPerState)
    if leavingHalfAFile {
      try TemporaryDirectory.write([1, 2, 3], to: "\(directory.path)/run.new")
    }
    try meanwhile()
    let generation = try Generation(at: directory.path, isReadOnly: false)
    folder = try Self.folder(of: generation, nil, eventsPerState)
    try begin()
  }

  func files() throws -> [String] { try TemporaryDirectory.names(in: directory.path).sorted() }

  private func begin() throws {
    if eventCount > 0 { try folder.prepareRun(isLong: true) }
  }

  private static func folder(
    of generation: Generation, _ maximumCachedAccountCount: Int?, _ eventsPerState: Int?
  ) throws(ProjectionFailure) -> Folder {
    try Folder(
      generation: generation, purpose: .rebuilding, isCalendarPinned: true,
      maximumCachedAccountCount: maximumCachedAccountCount, eventsPerState: eventsPerState,
      calendarSource: { setting throws(ProjectionFailure) in RandomHistory.calendar(setting) })
  }
}

/// Spends of thirty users, who were registered before.
private struct Spends {
  var numbers = SeededNumbers()
  private let ids: `A long run from the log`.Ids
  private var users: [UserID] = []

  init(_ ids: `A long run from the log`.Ids) { self.ids = ids }

  mutating func events(_ count: Int) -> [Event] {
    users = (0..<30).map { UserID(random: $0, numbers.next()) }
    return (0..<count).map { number in
      let user = users[number < users.count ? number : int(users.count)]
      let isNew = number < users.count
      return Event(
        position: Position(UInt64(number + 1)), recordedAt: .at("2026-05-01T00:00:00Z"),
        happenedAt: Moment.at("2026-05-01T00:00:00Z").advanced(bySeconds: Int64(number * 60)),
        actor: .operator, requestID: id(number),
        fact: isNew
          ? .userRegistered(user, role: .user)
          : .tokensSpent(Spend(user: user, usage: TokenUsage(total: .of(Int64(number))))))
    }
  }

  mutating func int(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &numbers) }

  private mutating func id(_ number: Int) -> RequestID? {
    let text =
      switch ids {
      case .byTheClock: "0198c0de-\(100_000 + number + int(30))-\(numbers.next())"
      case .atRandom: "\(numbers.next())-\(numbers.next())"
      case .ofManyLengths: String(repeating: "é", count: int(20)) + "\(number)"
      case .uuidsByTheClock:
        UserID(high: 0x0198_c0de_0000_7000 + UInt64(number) << 16, low: numbers.next()).description
      // Some in capitals: those are texts among the others.
      case .uuidsAtRandom where int(4) == 0:
        UserID(random: numbers.next(), numbers.next()).description.uppercased()
      case .uuidsAtRandom: UserID(random: numbers.next(), numbers.next()).description
      case .repeated: "the \(int(200))th"
      }
    return int(20) == 0 ? nil : try? RequestID(text)
  }
}

extension [Event] {
  /// So many parts of about the same length.
  fileprivate func parts(_ count: Int) -> [[Event]] {
    let length = Swift.max(1, (self.count + count - 1) / count)
    return stride(from: 0, to: self.count, by: length).map {
      Array(self[$0..<Swift.min($0 + length, self.count)])
    }
  }
}
