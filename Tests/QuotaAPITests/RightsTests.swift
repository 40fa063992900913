import HTTPServer
import QuotaAPI
import QuotaModel
import QuotaService
import Testing

@Suite struct `The rights of a role` {
  let api: APIWithoutSocket

  init() throws { api = try APIWithoutSocket() }

  /// What can be asked, and who may.
  struct Right: Sendable, CustomTestStringConvertible {
    let method: HTTPMethod
    let path: String
    let roles: Set<Role>

    init(_ method: HTTPMethod, _ path: String, _ roles: Role...) {
      self.method = method
      self.path = path
      self.roles = Set(roles)
    }

    var testDescription: String { "\(method) \(path)" }
  }

  /// `OTHER` stands for a user who asks for nothing.
  static let rights = [
    Right(.post, "/v1/usage", .staff, .service),
    Right(.post, "/v1/check", .staff, .service),
    Right(.post, "/v1/holds", .staff, .service),
    Right(.post, "/v1/holds/1/settle", .staff, .service),
    Right(.post, "/v1/holds/1/void", .staff, .service),
    Right(.get, "/v1/users/OTHER/usage", .support, .staff, .service, .auditor),
    Right(.patch, "/v1/users/OTHER/limits", .support, .staff),
    Right(.post, "/v1/users/OTHER/tokens", .staff),
    Right(.delete, "/v1/users/OTHER/tokens/0123456789abcdef", .staff),
    Right(.get, "/v1/users", .support, .staff, .auditor),
    Right(.post, "/v1/users", .staff),
    Right(.get, "/v1/users/OTHER", .support, .staff, .auditor),
    Right(.patch, "/v1/users/OTHER", .staff),
    Right(.get, "/v1/defaults", .support, .staff, .service, .auditor),
    Right(.put, "/v1/defaults", .staff),
    Right(.get, "/v1/events", .staff, .auditor),
    Right(.get, "/v1/webhooks", .staff, .auditor),
    Right(.get, "/v1/events/stream", .staff, .auditor),
    Right(.get, "/v1/consumers", .staff, .auditor),
    Right(.get, "/v1/consumers/c1", .staff, .auditor),
    Right(.put, "/v1/consumers/c1", .staff, .auditor),
    Right(.delete, "/v1/consumers/c1", .staff, .auditor),
    Right(.get, "/api/chat-quota/usage/?user_uuid=OTHER", .support, .staff, .service, .auditor),
    Right(.post, "/api/chat-quota/set_quota/", .support, .staff),
    Right(.get, "/v1/sessions", .user, .support, .staff, .service, .auditor),
    Right(.post, "/v1/sessions", .user, .staff, .service),
    Right(.get, "/v1/sessions/s1", .user, .support, .staff, .service, .auditor),
    Right(.patch, "/v1/sessions/s1", .user, .staff, .service),
    Right(.delete, "/v1/sessions/s1", .user, .staff, .service),
    Right(.post, "/v1/sessions/s1/resume", .user, .staff, .service),
    Right(.post, "/v1/sessions/s1/clear", .user, .staff, .service),
    Right(.post, "/v1/sessions/s1/exhaustions/r1", .user, .staff, .service),
    Right(.post, "/v1/sessions/s1/check", .user, .staff, .service),
    Right(.post, "/v1/sessions/s1/usage", .user, .staff, .service),
    Right(.get, "/v1/sessions/s1/events", .user, .support, .staff, .service, .auditor),
    Right(.get, "/v1/budgets/b1", .user, .support, .staff, .service, .auditor),
    Right(.put, "/v1/budgets/b1", .staff, .service),
  ]

  @Test(arguments: rights, Role.allCases)
  func `opens what it should and nothing else`(right: Right, role: Role) throws {
    let answer = api.ask(right.method, right.path, as: role)
    #expect((answer.status == 403) == !right.roles.contains(role), "\(answer)")
    #expect(answer.status != 401 && answer.status != 405, "\(answer)")
  }

  @Test(arguments: rights)
  func `end with its token`(right: Right) throws {
    #expect(api.ask(right.method, right.path, token: nil).status == 401)
    #expect(api.ask(right.method, right.path, token: NewToken().text).status == 401)
    for role in Role.allCases { try api.deactivate(role) }
    for role in Role.allCases {
      #expect(api.ask(right.method, right.path, as: role).status == 401)
    }
  }

  @Test(arguments: rights)
  func `do not depend on the body`(right: Right) throws {
    for body in ["", "{", "[]", "null", #"{"user":"\#(api.other)"}"#] {
      for role in Role.allCases where !right.roles.contains(role) {
        #expect(api.ask(right.method, right.path, as: role, body: body).status == 403)
      }
    }
  }

  @Test(arguments: Role.allCases)
  func `open one's own usage`(role: Role) throws {
    let own = try #require(api.users[role])
    #expect(api.ask(.get, "/v1/users/\(own)/usage", as: role).status == 200)
    #expect(api.ask(.get, "/v1/users/\(role.name)/usage", as: role).status == 200)
    #expect(api.ask(.get, "/api/chat-quota/usage/", as: role).status == 200)
  }

  @Test(arguments: rights)
  func `decide before a large body is read`(right: Right) throws {
    for role in Role.allCases {
      let isRefused = api.isRefusedByHead(right.method, right.path, as: role)
      // Whose usage Waldur's path shows is decided by the query, which costs nothing to read.
      let isDecidedLater = right.path.contains("user_uuid")
      #expect(isRefused == (!right.roles.contains(role) && !isDecidedLater))
    }
  }
}
