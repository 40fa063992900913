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
      .userDeactivated(eve), .userReactivated(eve), .userErased(eve),
      .roleChanged(eve, old: .user, new: .staff),
      .limitsChanged(eve, []), .tokenRevoked(TokenID(1), user: eve),
      .tokenIssued(TokenIssue(token: TokenID(1), user: eve, digest: TokenDigest((1, 2, 3, 4)))),
      .tokensSpent(Spend(user: eve, usage: TokenUsage(total: .of(1)))),
      .spendHeld(Hold(user: eve, tokens: .of(1), expiresAt: .latest)),
      .holdVoided(HoldID(Position(1)), user: eve), .holdExpired(HoldID(Position(1)), user: eve),
      .holdSettled(
        HoldID(Position(1)),
        Settlement(spend: Spend(user: eve, usage: TokenUsage(total: .of(1))))),
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
