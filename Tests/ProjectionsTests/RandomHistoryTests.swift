import Projections
import QuotaModel
import TestSupport
import Testing

@Suite struct `A projection of a random history` {
  /// With all accounts in memory, and with hardly any.
  @Test(arguments: TestProjection.Storing.allCases, [nil, 2])
  func `agrees with the plainest reckoning at every point`(
    storing: TestProjection.Storing, maximumCachedAccountCount: Int?
  ) throws {
    var history = RandomHistory()
    let projection = try TestProjection(
      storing, maximumCachedAccountCount: maximumCachedAccountCount)
    for _ in 0..<150 {
      try Self.foldSome(of: &history, into: projection)
      if history.chance(1, in: 4) { projection.runHeldJob() }
      if history.chance(1, in: 3) {
        try Agreement(reckoning: history.reckoning, seed: history.numbers.seed)
          .check(projection.generation)
      }
      if history.chance(1, in: 25) { try Self.reopen(projection, history.reckoning) }
    }
    try Self.compareWithRebuild(projection, history)
  }

  @Test func `finds each of many accounts`() throws {
    let users = (0..<3000).map { UserID(random: UInt64($0), UInt64($0) &* 0x9E37_79B9_7F4A_7C15) }
    let facts =
      users.map { Fact.userRegistered($0, role: .user) }
      + users.enumerated().map { index, user in
        .tokensSpent(Spend(user: user, usage: TokenUsage(total: .of(Int64(index)))))
      }
    let events = facts.enumerated().map { index, fact in
      Event(
        position: Position(UInt64(index + 1)), recordedAt: .at("2026-05-01T00:00:00Z"),
        happenedAt: .at("2026-05-01T00:00:00Z"), actor: .operator, fact: fact)
    }
    let projection = try TestProjection()
    try projection.fold(events, mayWait: false)
    var batch = try projection.folder.beginBatch()
    for (index, user) in users.enumerated() {
      #expect(try batch.lifetime(of: user) == .of(Int64(index)))
    }
    batch.abandon()
  }

  /// Draws a batch and folds it, asking now and then before, amid and behind its events, and with a
  /// job that ends under the batch's eyes.
  private static func foldSome(
    of history: inout RandomHistory, into projection: TestProjection
  ) throws {
    let before = history.reckoning
    let events = (0...history.int(30)).map { _ in history.next() }
    let isStoredAtOnce = events.contains(where: \.fact.isStoredAtOnce)
    if isStoredAtOnce && history.chance(1, in: 2) { projection.runHeldJob() }
    projection.mayHold = !isStoredAtOnce
    var batch = try projection.folder.beginBatch()
    if !before.events.isEmpty {
      let agreement = Agreement(reckoning: before, seed: history.numbers.seed)
      try agreement.checkExpiries(&batch)
      if history.chance(1, in: 4) { try agreement.check(&batch) }
    }
    for event in events { try batch.fold(event, isShortened: history.chance(1, in: 2)) }
    if isStoredAtOnce || history.chance(1, in: 3) { projection.runHeldJob() }
    if history.chance(1, in: 4) {
      try Agreement(reckoning: history.reckoning, seed: history.numbers.seed).check(&batch)
    }
    try batch.commit(mayWait: history.chance(1, in: 2))
  }

  /// Goes on from what was stored, and folds the rest again.
  private static func reopen(
    _ projection: TestProjection, _ reckoning: PlainReckoning
  ) throws {
    try projection.reopen()
    let stored = Int(projection.folder.state.position.rawValue)
    projection.mayHold = false
    try projection.fold(Array(reckoning.events.dropFirst(stored)))
  }

  private static func compareWithRebuild(
    _ projection: TestProjection, _ history: RandomHistory
  ) throws {
    projection.mayHold = false
    try projection.storeAll()
    let reckoning = history.reckoning
    let rebuilt = try TestProjection.rebuilt(from: reckoning.events, reckoning.setting)
    try Agreement(reckoning: reckoning, seed: history.numbers.seed).check(rebuilt.generation)
    let difference = try projection.difference(from: rebuilt)
    #expect(difference == nil, "seed \(history.numbers.seed)")
  }
}
