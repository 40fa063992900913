import Foundation
import LedgerSimulation
import QuotaModel
import Testing

@Suite(.enabled(if: SmallDisk.isPermitted, "mounting a small file system takes root"))
struct `A server on a full disk` {
  let disk: SmallDisk
  let store: CommandStore
  let server: ServerProcess

  init() throws {
    disk = try SmallDisk()
    store = try CommandStore(at: disk.path + "/store")
    server = try store.serve()
  }

  @Test(arguments: [0, 8, 40, 200])
  func `refuses writes, answers questions, and goes on when there is room`(
    kilobytesLeft: Int
  ) throws {
    let connection = try server.connect()
    var receipts = [try spend(1, connection)]
    #expect(try ready().status == 200)
    disk.fill(leaving: kilobytesLeft)
    let refusal = try spendUntilRefused(connection, &receipts)
    #expect(refusal.status == 503)
    #expect(refusal.body.contains(#""unavailable""#))
    try waitUntil { try ready().status == 503 }
    #expect(try ready().body.contains("read_only"))
    #expect(try used() == receipts.count)
    disk.makeRoom()
    try waitUntil { try ready().status == 200 }
    receipts.append(try spend(receipts.count + 1, connection))
    #expect(receipts.allSatisfy { $0.status == 201 })
    try checkRepetitions(receipts, connection)
    #expect(try used() == receipts.count)
    #expect(server.stop() == 0)
    let outcome = try store.run(["verify"])
    #expect(outcome.code == 0, "\(outcome.complaint)")
  }

  private func spend(_ number: Int, _ connection: RawConnection) throws -> RawResponse {
    try connection.send(
      "POST", "/v1/usage", #"{"id":"usage-\#(number)","user":"admin","tokens":1}"#)
    return try connection.response()
  }

  private func spendUntilRefused(
    _ connection: RawConnection, _ receipts: inout [RawResponse]
  ) throws -> RawResponse {
    while true {
      let response = try spend(receipts.count + 1, connection)
      if response.status != 201 { return response }
      receipts.append(response)
    }
  }

  private func checkRepetitions(
    _ receipts: [RawResponse], _ connection: RawConnection
  ) throws {
    for (index, response) in receipts.enumerated() {
      let again = try spend(index + 1, connection)
      #expect(again.status == 200)
      #expect(try again.receipt().position == response.receipt().position)
    }
  }

  private func ready() throws -> RawResponse { try server.exchange("GET", "/readyz") }

  private func used() throws -> Int? {
    struct Usage: Decodable {
      struct Window: Decodable { let used: Int }
      let windows: [String: Window]
    }
    let body = try server.exchange("GET", "/v1/users/admin/usage").body
    return try JSONDecoder().decode(Usage.self, from: Data(body.utf8)).windows["daily"]?.used
  }

  /// Waits until something is so, ten seconds at most.
  private func waitUntil(_ isSo: () throws -> Bool) throws {
    for _ in 0..<200 {
      if try isSo() { return }
      usleep(50_000)
    }
    Issue.record("it did not come to pass in ten seconds")
  }
}
