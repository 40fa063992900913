import LMDB
import Projections
import QuotaModel
import TestSupport
import Testing

@Suite struct `A generation` {
  @Test func `that was interrupted knows the calendar that its events named last`() throws {
    let pinned = CalendarSetting(zone: "UTC", weekStart: .sunday)
    let projection = try TestProjection(setting: pinned)
    #expect(projection.folder.announcedCalendar == .default)
    let moment = Moment(microseconds: 1)
    try projection.fold(
      [
        Event(
          position: Position(1), recordedAt: moment, happenedAt: moment, actor: .operator,
          fact: .calendarChanged(pinned))
      ], mayWait: false)
    let again = try Folder(
      generation: projection.generation, purpose: .rebuilding, isCalendarPinned: true,
      calendarSource: { setting throws(ProjectionFailure) in RandomHistory.calendar(setting) })
    #expect(again.announcedCalendar == pinned)
  }

  @Test func `is missing without its directory`() {
    let path = "\(TemporaryDirectory().path)/nowhere"
    #expect(throws: ProjectionFailure.missing(path: path)) {
      try Generation(at: path, isReadOnly: false)
    }
  }

  @Test func `without a state cannot be folded into`() throws {
    let directory = TemporaryDirectory()
    let generation = try Generation(at: directory.path, isReadOnly: false)
    #expect(try generation.state() == nil)
    #expect(throws: ProjectionFailure.missing(path: directory.path)) {
      try Folder(
        generation: generation, purpose: .deciding,
        calendarSource: { setting throws(ProjectionFailure) in RandomHistory.calendar(setting) })
    }
  }

  @Test func `of another version has no state`() throws {
    let directory = TemporaryDirectory()
    try Self.initialise(directory)
    try Self.raiseVersion(in: directory)
    let generation = try Generation(at: directory.path, isReadOnly: true)
    #expect(try generation.state() == nil)
  }

  @Test func `gives back its state, whatever is in it`() throws {
    var numbers = SeededNumbers()
    for _ in 0..<50 {
      let directory = TemporaryDirectory()
      let generation = try Generation(at: directory.path, isReadOnly: false)
      let state = Self.state(&numbers)
      try generation.initialise(state)
      #expect(try generation.state() == state, "seed \(numbers.seed)")
    }
  }

  private static func initialise(_ directory: TemporaryDirectory) throws {
    try Generation(at: directory.path, isReadOnly: false)
      .initialise(ProjectionState(log: TestProjection.log, calendar: .default, zoneDigest: 1))
  }

  /// The version is the first number of the stored state.
  private static func raiseVersion(in directory: TemporaryDirectory) throws {
    let environment = try Environment(
      path: directory.path, options: .init(durability: .unsynced, tables: ["meta"]))
    let meta = try environment.table("meta")
    let key = Array("state".utf8)
    var transaction = try environment.beginWrite()
    var row = try transaction.get(key.rawBytes, in: meta).copied
    row[0] += 1
    try transaction.put(row.rawBytes, under: key.rawBytes, in: meta)
    try transaction.commit()
  }

  private static func state(_ numbers: inout SeededNumbers) -> ProjectionState {
    let zone = ["UTC", "America/Argentina/ComodRivadavia"][Int(numbers.next() % 2)]
    let weekStart = Weekday.allCases.randomElement(using: &numbers) ?? .monday
    var state = ProjectionState(
      log: UserID(high: numbers.next(), low: numbers.next()),
      calendar: CalendarSetting(zone: zone, weekStart: weekStart), zoneDigest: numbers.next())
    state.position = Position(numbers.next())
    state.recordedAt = Moment(microseconds: Int64(bitPattern: numbers.next()))
    state.accountCount = UInt32(truncatingIfNeeded: numbers.next())
    state.hasSpends = Bool.random(using: &numbers)
    for period in Period.allCases {
      let limit = TokenLimit(Int64.random(in: TokenLimit.range, using: &numbers))
      state.defaults.limits[period] = limit ?? .unlimited
      state.defaults.modes[period] = LimitMode.allCases.randomElement(using: &numbers) ?? .hard
    }
    state.policy = Position(numbers.next())
    return state
  }
}

extension RawSpan? {
  /// A copy of the bytes; empty where there are none.
  fileprivate var copied: [UInt8] {
    guard let self else { return [] }
    return [UInt8](copying: self)
  }
}
