import HTTPServer
import QuotaAPI
import QuotaModel
import QuotaService
import Sessions
import Testing

/// What a request was allowed when it came says nothing about when its answer is ready.
@Suite struct `Rights that end while a request waits` {
  let served: ServedAPI

  init() throws { served = try ServedAPI() }

  private var stage: APIWithoutSocket { served.stage }

  /// Every way to lose them.
  enum Loss: CaseIterable { case revoked, deactivated, erased, demoted }

  private func lose(_ loss: Loss, _ role: Role) throws {
    let user = try #require(stage.users[role])
    switch loss {
    case .revoked:
      try stage.execute(.revokeToken(try #require(stage.tokenIDs[role]), of: .id(user)))
    case .deactivated: try stage.execute(.setActive(.id(user), false))
    case .erased: try stage.execute(.erase(.id(user)))
    case .demoted: try stage.execute(.setRole(.id(user), role == .user ? .support : .user))
    }
  }

  private var used: Int64 {
    get throws {
      try stage.hub.queries.usage(of: .id(stage.other), at: System.clock())?.used[.daily].rawValue
        ?? 0
    }
  }

  /// More than is read at once.
  private var batch: String {
    (0..<1500).map { #"{"id":"item \#($0)","user":"\#(stage.other)","tokens":1}"# }
      .joined(separator: "\n")
  }

  @Test(arguments: Loss.allCases)
  func `take no batch of usage that was still being read`(loss: Loss) throws {
    try served.begin("POST", "/v1/usage", as: .service, body: batch)
    try lose(loss, .service)
    #expect(try served.finishReading() == (loss == .demoted ? 403 : 401))
    try stage.execute(.setActive(.id(stage.other), true))
    #expect(try used == 0)
  }

  @Test func `are needed for the rest of the request alone`() throws {
    try served.begin("POST", "/v1/usage", as: .service, body: batch)
    try lose(.revoked, .staff)
    #expect(try served.finishReading() == nil, "the ledger is asked")
    try stage.execute(.setActive(.id(stage.other), true))
    #expect(try used > 0)
  }

  /// Questions that are answered apart; all of them for support and nobody's user.
  static let questions = [
    "/v1/users", "/v1/users/OTHER/explain?window=daily", "/v1/users/OTHER/usage?as_of=1",
    "/v1/defaults?as_of=1", "/v1/sessions/session-1/events", "/v1/sessions/session-1?as_of=HEAD",
  ]

  @Test(arguments: questions, Loss.allCases)
  func `show nothing that was still being read`(path: String, loss: Loss) throws {
    try stage.execute(.session(.start(.named("session-1", user: stage.other))))
    let head = try stage.hub.queries.head()
    try served.begin("GET", path.replacing("HEAD", with: "\(head)"), as: .support)
    try lose(loss, .support)
    // Who may ask for something else now has it read anew.
    let status = try served.finishReading() ?? served.finishReading()
    switch (loss, path.hasPrefix("/v1/sessions")) {
    case (.demoted, true): #expect(status == 404)
    case (.demoted, false): #expect(status == 403)
    case (_, _): #expect(status == 401)
    }
  }

  @Test(arguments: questions)
  func `are asked about, and nothing else`(path: String) throws {
    try stage.execute(.session(.start(.named("session-1", user: stage.other))))
    let head = try stage.hub.queries.head()
    try served.begin("GET", path.replacing("HEAD", with: "\(head)"), as: .support)
    try lose(.demoted, .auditor)
    #expect(try served.finishReading() == 200)
  }

  @Test(arguments: [Loss.revoked, .deactivated, .demoted])
  func `delete no session that was still at work`(loss: Loss) throws {
    let user = try #require(stage.users[.user])
    try stage.execute(.session(.start(.named("session-1", user: user))))
    var stopped: (() -> Void)?
    stage.hub.stopTurn = { stopped = $1 }
    try served.begin("DELETE", "/v1/sessions/session-1", as: .user)
    try lose(loss, .user)
    #expect(try served.finish { stopped?() } == (loss == .demoted ? 403 : 401))
    try stage.execute(.setActive(.id(stage.other), true))
    #expect(stage.ask(.get, "/v1/sessions/session-1", as: .staff).status == 200)
  }
}
