import LMDB
import Projections
import QuotaModel
import TestSupport
import Testing

@Suite struct `A fold` {
  private static let ada = UserID(high: 3, low: 4)
  private static let eve = UserID(high: 5, low: 6)

  @Test(arguments: [0, 1, 3, UInt64.max]) func `refuses an event that does not follow`(
    position: UInt64
  ) throws {
    let projection = try TestProjection()
    try projection.fold([Self.event(1, .userRegistered(Self.ada, role: .user))])
    let failure = ProjectionFailure.gap(expected: Position(2), found: Position(position))
    #expect(throws: failure) {
      try projection.fold([Self.event(position, .userDeactivated(Self.ada))])
    }
  }

  @Test func `refuses a second registration`() throws {
    let projection = try TestProjection()
    try projection.fold([Self.event(1, .userRegistered(Self.ada, role: .user))])
    #expect(
      throws: ProjectionFailure.contradiction(
        at: Position(2), "registers user \(Self.ada) a second time")
    ) {
      try projection.fold([Self.event(2, .userRegistered(Self.ada, role: .staff))])
    }
  }

  @Test(
    arguments: [
      .userDeactivated(eve), .userReactivated(eve), .roleChanged(eve, old: .user, new: .staff),
      .limitsChanged(eve, []), .tokenRevoked(TokenID(1), user: eve),
      .tokenIssued(TokenIssue(token: TokenID(1), user: eve, digest: TokenDigest((1, 2, 3, 4)))),
      .tokensSpent(Spend(user: eve, usage: TokenUsage(total: .of(1)))),
      .spendHeld(Hold(user: eve, tokens: .of(1), expiresAt: .latest)),
      .holdVoided(HoldID(Position(1)), user: eve), .holdExpired(HoldID(Position(1)), user: eve),
      .holdSettled(HoldID(Position(1)), Spend(user: eve, usage: TokenUsage(total: .of(1)))),
      .spendRefused(Refusal(user: eve, estimate: nil, violations: [])),
    ] as [Fact])
  func `refuses an event of a user whom nobody registered`(fact: Fact) throws {
    let projection = try TestProjection()
    try projection.fold([Self.event(1, .userRegistered(Self.ada, role: .user))])
    #expect(
      throws: ProjectionFailure.contradiction(
        at: Position(2), "concerns user \(Self.eve), whom no event registered")
    ) {
      try projection.fold([Self.event(2, fact)])
    }
  }

  @Test func `takes another calendar before the first spend`() throws {
    let projection = try TestProjection()
    let setting = CalendarSetting(zone: "Europe/Tallinn", weekStart: .sunday)
    try projection.fold([Self.event(1, .calendarChanged(setting))])
    #expect(projection.folder.calendar == RandomHistory.calendar(setting))
    #expect(projection.folder.announcedCalendar == setting)
    try projection.reopen()
    #expect(projection.folder.calendar == RandomHistory.calendar(setting))
  }

  @Test func `asks to be made anew by another calendar after the first spend`() throws {
    let projection = try TestProjection()
    try projection.fold(Self.spending)
    let setting = CalendarSetting(zone: "Europe/Tallinn", weekStart: .sunday)
    #expect(throws: ProjectionFailure.calendarChanged(setting)) {
      try projection.fold([Self.event(3, .calendarChanged(setting))])
    }
  }

  @Test func `takes the calendar that it has once more`() throws {
    let projection = try TestProjection()
    try projection.fold(Self.spending)
    try projection.fold([Self.event(3, .calendarChanged(.default))])
    #expect(projection.folder.calendar == RandomHistory.calendar(.default))
  }

  @Test func `keeps the calendar of a rebuild, and says which one was announced`() throws {
    let setting = CalendarSetting(zone: "Europe/Tallinn", weekStart: .sunday)
    let events = Self.spending + [Self.event(3, .calendarChanged(setting))]
    let projection = try TestProjection.rebuilt(from: events, .default)
    #expect(projection.folder.calendar == RandomHistory.calendar(.default))
    #expect(projection.folder.announcedCalendar == setting)
  }

  private static let spending = [
    event(1, .userRegistered(ada, role: .user)),
    event(2, .tokensSpent(Spend(user: ada, usage: TokenUsage(total: .of(1))))),
  ]

  private static func event(_ position: UInt64, _ fact: Fact) -> Event {
    let moment = Moment.at("2026-05-01T00:00:00Z")
    return Event(
      position: Position(position), recordedAt: moment, happenedAt: moment, actor: .operator,
      fact: fact)
  }
}

@Suite struct `A generation` {
  @Test func `is not trusted before anybody has said that it may be`() throws {
    let generation = try TestProjection().generation
    #expect(try generation.trust() == .unknown)
  }

  @Test func `is in use until it is closed, and again when it is used`() throws {
    let generation = try TestProjection().generation
    try generation.markInUse(bootID: "first")
    #expect(try generation.trust() == .inUse(bootID: "first"))
    try generation.markClosed()
    #expect(try generation.trust() == .closedCleanly)
    try generation.markInUse(bootID: "second")
    #expect(try generation.trust() == .inUse(bootID: "second"))
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
      state.defaults[period] = limit ?? .unlimited
    }
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
