import Projections
import QuotaModel
import TestSupport
import Testing

@Suite struct `A projection of a random history` {
  @Test(arguments: TestProjection.Storing.allCases)
  func `agrees with the plainest reckoning at every point`(
    storing: TestProjection.Storing
  ) throws {
    var history = RandomHistory()
    let projection = try TestProjection(storing)
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
    let difference = try projection.generation.firstDifference(from: rebuilt.generation)
    #expect(difference == nil, "seed \(history.numbers.seed)")
  }
}
