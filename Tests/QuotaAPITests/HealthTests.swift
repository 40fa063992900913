import HTTPServer
import QuotaAPI
import QuotaModel
import Testing

@testable import QuotaService

@Suite struct `The health in detail` {
  let api: APIWithoutSocket

  init() throws {
    api = try APIWithoutSocket()
    api.api.auditStatus = { AuditStatus(passCount: 7, accountCount: 8, position: Position(9)) }
  }

  private static let paths = ["/readyz?verbose", "/readyz?verbose=1&x=y"]

  @Test(arguments: paths)
  func `is for those who may read everybody's usage`(path: String) {
    for role in Role.allCases {
      let answer = api.ask(.get, path, as: role)
      #expect(answer.status == 200)
      #expect(answer.body.contains("audit") == role.mayReadAnyUsage, "\(role): \(answer.body)")
    }
  }

  @Test(arguments: paths)
  func `is nothing for strangers`(path: String) throws {
    try api.deactivate(.staff)
    for token in [nil, "", "unknown", api.tokens[.staff]] {
      let answer = api.ask(.get, path, token: token)
      #expect(answer.status == 200 && answer.body == #"{"status":"ok"}"#)
    }
  }
}
