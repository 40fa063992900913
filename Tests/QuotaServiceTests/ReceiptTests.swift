import LedgerSimulation
import QuotaModel
import QuotaService
import Testing

@Suite struct `A request id` {
  let open: OpenLedger
  let user: UserID

  init() throws {
    open = try OpenLedger()
    user = try open.register(limit: 1000)
  }

  /// When the repetition comes.
  enum Distance: CaseIterable {
    case sameBatch, nextBatch, afterStoring, afterCrash
  }

  @Test(arguments: Distance.allCases)
  func `gives the first receipt again`(distance: Distance) throws {
    for (number, command) in commands.enumerated() {
      let (first, second) = try twice(command, command, id: "id-\(number)", distance)
      let receipt = try #require(first.receipt)
      #expect(receipt.isReplayed == false)
      #expect(second.receipt?.isReplayed == true)
      #expect(second.receipt?.position == receipt.position)
      #expect(second.receipt?.recordedAt == receipt.recordedAt)
      #expect(second.hold == first.hold)
    }
  }

  @Test(arguments: Distance.allCases)
  func `with other content names the first member that differs`(distance: Distance) throws {
    let other = try open.register()
    for (number, change) in changes(other).enumerated() {
      let (first, second) = try twice(change.first, change.second, id: "id-\(number)", distance)
      let position = try #require(first.receipt?.position)
      #expect(second.failure == .requestConflict(member: change.member, position: position))
    }
  }

  @Test(arguments: Distance.allCases)
  func `of a settlement names the first member that differs too`(distance: Distance) throws {
    let model = try ModelName("another")
    for member in ["hold", "tokens", "model", "final", "type"] {
      let holds = try (0..<2).map { _ in
        try #require(try open.hold(5, of: user, seconds: 60).hold)
      }
      let second: Command =
        switch member {
        case "hold": .settle(holds[1], 5)
        case "tokens": .settle(holds[0], 6)
        case "model": .settle(holds[0], HoldUsage(.tokens(5), model: model))
        case "final": .settle(holds[0], HoldUsage(.tokens(5), isFinal: false))
        default: .usage(of: user, 5)
        }
      let answers = try twice(.settle(holds[0], 5), second, id: "settle \(member)", distance)
      let position = try #require(answers.first.receipt?.position)
      #expect(answers.second.failure == .requestConflict(member: member, position: position))
    }
  }

  @Test func `belongs to the one who sent it`() throws {
    let other = try open.register()
    let id = try RequestID("the same")
    let answers = try open.execute(
      [Actor.operator, .user(user), .user(other)].map {
        Submission(.usage(of: user, 5), by: $0, requestID: id)
      })
    #expect(answers.map { $0.receipt?.isReplayed } == [false, false, false])
    #expect(try open.used(by: user) == 15)
  }

  @Test func `of a request that failed is free`() throws {
    let stranger = System.randomUser()
    #expect(try open.execute(.usage(of: stranger, 5), id: "id").failure == .unknownUser)
    #expect(try open.execute(.usage(of: user, 5), id: "id").receipt?.isReplayed == false)
  }

  private var commands: [Command] {
    [
      .usage(of: user, 5), .hold(user: user, 5, seconds: 60), .hold(user: user, 2000, seconds: 60),
    ]
  }

  private func changes(_ other: UserID) -> [(first: Command, second: Command, member: String)] {
    let hold = Command.hold(user: user, 5, seconds: 60)
    let refused = Command.hold(user: user, 2000, seconds: 60)
    return [
      (.usage(of: user, 5), .usage(of: other, 5), "user"),
      (.usage(of: user, 5), .usage(of: user, 6), "tokens"),
      (.usage(of: user, 5), hold, "type"),
      (hold, .usage(of: user, 5), "type"),
      (hold, .hold(user: other, 5, seconds: 60), "user"),
      (hold, .hold(user: user, 6, seconds: 60), "estimate"),
      (hold, .hold(user: user, 5, seconds: 61), "ttl_seconds"),
      (refused, .hold(user: user, 3000, seconds: 60), "estimate"),
      (.usage(of: user, 5), .settle(HoldID(Position(1)), 5), "type"),
    ]
  }

  private func twice(
    _ first: Command, _ second: Command, id: String, _ distance: Distance
  ) throws -> (first: Answer, second: Answer) {
    if distance == .sameBatch {
      let id = try RequestID(id)
      let answers = try open.execute(
        [first, second].map { Submission($0, by: .operator, requestID: id) })
      return (answers[0], answers[1])
    }
    let answer = try open.execute(first, id: id)
    open.clock.move(bySeconds: 1)
    if distance == .afterStoring { open.ledger.storeFolded() }
    if distance == .afterCrash { try open.reopen() }
    return (answer, try open.execute(second, id: id))
  }
}
