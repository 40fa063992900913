import EventLog
import Foundation
import LedgerSimulation
import Projections
import QuotaModel
import Testing

@testable import QuotaService

@Suite struct `A fold from nothing` {
  /// What a store may have lost, or what may have become of its projection.
  enum Harm: CaseIterable {
    case projectionsRemoved, trustRemoved, otherVersion, otherZoneRules, pagesTorn, onlyPointer
  }

  private let directory: TemporaryDirectory
  private var path: String { directory.path + "/store" }

  init() throws { directory = try TemporaryDirectory() }

  @Test(arguments: Harm.allCases)
  func `gives the windows of the calendar that the log ends with`(after harm: Harm) throws {
    var numbers = SeededNumbers()
    for _ in 0..<3 {
      let history = CalendarHistory(&numbers)
      let path = "\(self.path)-\(numbers.next())"
      try history.makeStore(at: path)
      try damage(path, harm)
      let store = try Store(at: path, mode: .writing, checkingPages: true)
      try history.check(store, "\(harm), seed \(numbers.seed)")
      #expect(try store.verifyProjection() == nil, "seed \(numbers.seed)")
      try store.close()
    }
  }

  @Test func `beside a whole projection equals it, in whichever way it is asked for`() throws {
    var numbers = SeededNumbers()
    for _ in 0..<3 {
      let history = CalendarHistory(&numbers)
      let path = "\(self.path)-\(numbers.next())"
      try history.makeStore(at: path)
      try operate(path, "seed \(numbers.seed)")
      let store = try Store(at: path, mode: .writing)
      #expect(try store.rebuild().difference == nil, "seed \(numbers.seed)")
      try history.check(store, "seed \(numbers.seed)")
      try store.close()
    }
  }

  private func operate(_ path: String, _ comment: Comment) throws {
    let operators = try ProjectionStore(ofStoreAt: path)
    let live = try #require(LivePointer(in: path + "/projections")?.live)
    let rebuilt = try operators.rebuild()
    #expect(rebuilt.isComplete)
    #expect(try operators.compare(live, rebuilt.number).difference == nil, comment)
    _ = try operators.swap(to: rebuilt.number)
    #expect(try operators.rollback().number == live)
    let conditions = try operators.list().filter { $0.role != .other }.map(\.condition)
    #expect(conditions == [.complete, .complete], comment)
  }

  @Test func `opens what a backup is restored to`() throws {
    var numbers = SeededNumbers()
    for _ in 0..<3 {
      let history = CalendarHistory(&numbers)
      let path = "\(self.path)-\(numbers.next())"
      try history.makeStore(at: path)
      let store = try Store(at: path, mode: .writing)
      _ = try store.backUp(to: path + "-backup", clock: { history.end })
      try store.close()
      _ = try Backup(at: path + "-backup").restore(to: path + "-restored")
      let restored = try Store(at: path + "-restored", mode: .writing)
      try history.check(restored, "seed \(numbers.seed)")
      try restored.close()
    }
  }

  private func damage(_ path: String, _ harm: Harm) throws {
    let projections = path + "/projections"
    let live = try #require(LivePointer(in: projections)?.live)
    switch harm {
    case .projectionsRemoved: try Files.removeTree(projections)
    case .trustRemoved: try Files.remove("\(projections)/\(live)/trust")
    case .onlyPointer: try Files.removeTree("\(projections)/\(live)")
    case .pagesTorn:
      let file = try FileHandle(forUpdating: URL(filePath: "\(projections)/\(live)/data.mdb"))
      let end = try file.seekToEnd()
      for page in stride(from: UInt64(3), to: end / 4096, by: 2) {
        try file.seek(toOffset: page * 4096)
        try file.write(contentsOf: Data(repeating: 0, count: 4096))
      }
    case .otherVersion, .otherZoneRules:
      try replace(live, in: projections, keepingState: harm == .otherZoneRules)
    }
  }

  /// Puts a generation in the place of another one that says of itself that it is whole.
  private func replace(_ number: UInt64, in projections: String, keepingState: Bool) throws {
    let place = "\(projections)/\(number)"
    let state = try Generation(at: place, isReadOnly: true).state()
    try Files.removeTree(place)
    try Files.makeDirectory(place)
    let generation = try Generation(at: place, isReadOnly: false)
    if keepingState, let state {
      try generation.initialise(
        ProjectionState(log: state.log, calendar: state.calendar, zoneDigest: state.zoneDigest ^ 1))
    }
    try generation.markClosed(bootID: System.bootID)
  }
}

@Suite struct `An import that ends in the middle` {
  /// The process ends without a word; what it had committed stays.
  @Test func `leaves no windows of another calendar than the log's`() throws {
    var numbers = SeededNumbers()
    let directory = try TemporaryDirectory()
    for _ in 0..<5 {
      let history = CalendarHistory(&numbers)
      let path = "\(directory.path)/store-\(numbers.next())"
      let count = Int.random(in: 1...history.events.count, using: &numbers)
      try history.makeStore(at: path, upTo: count, isFinished: false)
      try history.makeStore(at: path, isNew: false)
      let store = try Store(at: path, mode: .writing)
      try history.check(store, "\(count) of \(history.events.count), seed \(numbers.seed)")
      #expect(try store.verifyProjection() == nil, "seed \(numbers.seed)")
      try store.close()
    }
  }

  @Test func `leaves a projection that answers for what was imported`() throws {
    var numbers = SeededNumbers()
    let directory = try TemporaryDirectory()
    for _ in 0..<5 {
      let history = CalendarHistory(&numbers)
      let path = "\(directory.path)/store-\(numbers.next())"
      try history.makeStore(
        at: path, upTo: Int.random(in: 1...history.events.count, using: &numbers),
        isFinished: false)
      let store = try Store(at: path, mode: .writing)
      #expect(try store.verifyProjection() == nil, "seed \(numbers.seed)")
      try store.close()
    }
  }
}

/// Spends of a few users, and calendars that come and go meanwhile; what the windows hold at its end is
/// reckoned from the events and one calendar.
struct CalendarHistory {
  /// With half hours, summer times of half an hour, a day that never was, and times of day to the second.
  static let zones = [
    "UTC", "Europe/Tallinn", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia",
    "Pacific/Kiritimati", "America/St_Johns", "Africa/Monrovia", "America/New_York",
  ]

  private(set) var events: [Event] = []
  private(set) var calendar = CalendarSetting.default
  private(set) var end: Moment
  private var users: [UserID] = []

  init(_ numbers: inout SeededNumbers) {
    // From the days of local mean time to some years ahead.
    end = Moment(microseconds: numbers.number(-2_000_000_000...2_000_000_000) * 1_000_000)
    if numbers.next() % 4 > 0 { change(&numbers) }
    for _ in 0..<3 { register() }
    for _ in 0..<Int(numbers.number(20...120)) {
      if numbers.once(in: 25) { change(&numbers) } else { spend(&numbers) }
    }
  }

  private mutating func change(_ numbers: inout SeededNumbers) {
    calendar = CalendarSetting(
      zone: Self.zones.randomElement(using: &numbers) ?? "UTC",
      weekStart: Weekday.allCases.randomElement(using: &numbers) ?? .monday)
    append(.calendarChanged(calendar), at: end)
  }

  private mutating func register() {
    let user = System.randomUser()
    users.append(user)
    append(.userRegistered(user, role: .user), at: end)
  }

  private mutating func spend(_ numbers: inout SeededNumbers) {
    end = Moment(microseconds: end.microseconds + numbers.number(0...7_200_000_000))
    // Some are late, by up to a month.
    let late = numbers.once(in: 3) ? numbers.number(0...2_600_000_000_000) : 0
    let user = users.randomElement(using: &numbers) ?? users[0]
    append(
      .tokensSpent(Spend(user: user, usage: .tokens(numbers.number(0...1000)))),
      at: Moment(microseconds: end.microseconds - late))
  }

  private mutating func append(_ fact: Fact, at moment: Moment) {
    events.append(
      Event(
        position: Position(UInt64(events.count + 1)), recordedAt: end, happenedAt: moment,
        actor: .operator, fact: fact))
  }

  /// Imports the first `count` events, where a store is made or where one is that has some of them.
  func makeStore(
    at path: String, upTo count: Int = .max, isNew: Bool = true, isFinished: Bool = true
  ) throws {
    if isNew { try Store.create(at: path, clock: { end }) }
    let store = try Store(at: path, mode: .writing)
    let importer = try Importer(into: store, eventsPerCommit: 7)
    for event in events.prefix(count) { try importer.add(event, name: nil, line: 1) }
    guard isFinished else { return }
    try importer.finish()
    try store.close()
  }

  func check(_ store: Store, _ comment: String) throws {
    let rules = try TimeZones.calendar(calendar)
    for user in users {
      let reading = try #require(try Queries(store).usage(of: .id(user), at: end))
      for period in reading.policy.shownPeriods {
        let window = rules.window(period, containing: end)
        let used = events.compactMap { event -> Int64? in
          guard case .tokensSpent(let spend) = event.fact, spend.user == user,
            rules.window(period, containing: event.happenedAt).start == window.start
          else { return nil }
          return spend.usage.total.rawValue
        }
        #expect(reading.used[period].rawValue == used.reduce(0, +), "\(period), \(comment)")
      }
    }
  }
}
