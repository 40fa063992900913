import Foundation
import HTTPServer
import QuotaAPI
import QuotaModel
import QuotaService
import Testing

@Suite struct `A session` {
  let api: APIWithoutSocket

  init() throws {
    api = try APIWithoutSocket()
    for role in Role.allCases {
      try api.execute(
        .session(.start(.named("of-\(role.name)", user: api.users[role]))))
    }
    try api.execute(.session(.start(.named("of-nobody"))))
  }

  static let all = ["user", "support", "staff", "service", "auditor", "nobody"].map { "of-" + $0 }

  @Test func `exists for a user only if it is the user's own`() {
    for id in Self.all + ["no-such", "..", "%2F", "%00"] {
      for path in ["", "/events"] {
        let answer = api.ask(.get, "/v1/sessions/\(id)\(path)", as: .user)
        #expect(answer.status == (id == "of-user" ? 200 : 404))
        guard answer.status == 404 else { continue }
        #expect(
          answer.body
            == #"{"error":{"code":"unknown_session","message":"there is no such session"}}"#)
      }
    }
  }

  @Test(arguments: [Role.support, .staff, .service, .auditor])
  func `exists for everybody else`(role: Role) {
    for id in Self.all {
      #expect(api.ask(.get, "/v1/sessions/\(id)", as: role).status == 200)
    }
  }

  @Test func `is listed for those who see it`() throws {
    #expect(try ids("", as: .user) == ["of-user"])
    #expect(try ids("?user=user", as: .user) == ["of-user"])
    #expect(api.ask(.get, "/v1/sessions?user=staff", as: .user).status == 404)
    #expect(try ids("", as: .service) == Self.all)
    #expect(try ids("?user=staff", as: .auditor) == ["of-staff"])
    #expect(try ids("?user=OTHER", as: .auditor) == [])
    #expect(api.ask(.get, "/v1/sessions?user=no-such", as: .auditor).status == 404)
  }

  @Test(arguments: 1...7)
  func `is listed once, whatever the page`(length: Int) throws {
    var found: [String] = []
    var after = 0
    while true {
      let page = try page("?limit=\(length)&after=\(after)", as: .staff)
      found += page.sessions.map(\.sessionId)
      guard page.hasMore else { break }
      after = try #require(page.nextAfter)
    }
    #expect(found == Self.all)
  }

  @Test(arguments: ["?limit=0", "?limit=1001", "?after=x", "?after=-1"])
  func `is not listed for a bad question`(query: String) {
    #expect(api.ask(.get, "/v1/sessions\(query)", as: .staff).status == 400)
  }

  @Test func `can be begun by a user for nobody else`() {
    for name in ["staff", "OTHER", "no-such"] {
      let body = #"{"user":"\#(name)"}"#.replacing("OTHER", with: api.other.description)
      #expect(api.ask(.post, "/v1/sessions", as: .user, body: body).status == 403)
    }
    #expect(api.ask(.post, "/v1/sessions", as: .user, body: #"{"user":"user"}"#).status == 202)
    let unknown = api.ask(.post, "/v1/sessions", as: .service, body: #"{"user":"no-such"}"#)
    #expect(unknown.status == 404)
  }

  @Test(arguments: [
    "/v1/sessions/s1/other", "/v1/sessions/s1/clear/x", "/v1/sessions//", "/v1/budgets",
  ])
  func `is not at a path that is none`(path: String) {
    let answer = api.ask(.get, path, as: .staff)
    #expect(answer.status == 404)
    #expect(answer.body == #"{"error":{"code":"not_found","message":"there is nothing here"}}"#)
  }

  @Test(arguments: [
    (HTTPMethod.put, "/v1/sessions"), (.post, "/v1/sessions/s1"), (.get, "/v1/sessions/s1/check"),
    (.delete, "/v1/budgets/b1"), (.post, "/v1/sessions/s1/events"),
  ])
  func `cannot be asked what is not possible`(method: HTTPMethod, path: String) {
    let answer = api.ask(method, path, as: .staff)
    #expect(answer.status == 405)
    #expect(answer.body.hasPrefix(#"{"error":{"code":"method","message":""#))
  }

  @Test func `is told of in its own words to strangers too`() {
    let answer = api.ask(.get, "/v1/sessions/s1", token: nil)
    #expect(answer.status == 401)
    #expect(answer.body.hasPrefix(#"{"error":{"code":"unauthenticated","message":""#))
  }

  private struct Page: Decodable {
    struct Session: Decodable { let sessionId: String }

    let sessions: [Session]
    let nextAfter: Int?
    let hasMore: Bool
  }

  private func page(_ query: String, as role: Role) throws -> Page {
    let answer = api.ask(.get, "/v1/sessions\(query)", as: role)
    try #require(answer.status == 200, "\(answer)")
    return try JSONDecoder.ofSnakeCase.decode(Page.self, from: Data(answer.body.utf8))
  }

  private func ids(_ query: String, as role: Role) throws -> [String] {
    try page(query, as: role).sessions.map(\.sessionId)
  }
}
