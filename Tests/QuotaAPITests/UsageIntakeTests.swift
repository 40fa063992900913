import JSON
import Testing

@testable import QuotaAPI

@Suite struct `A body of usage` {
  private static let item = #"{"id":"a","user":"u","tokens":1}"#

  @Test(arguments: [0, 1, 10_000])
  func `has as many items as it says`(count: Int) throws {
    let items = Array(repeating: Self.item, count: count)
    for (type, body) in [
      (MediaType.json, "[" + items.joined(separator: ",") + "]"),
      (.jsonLines, items.joined(separator: "\n")),
      (.jsonLines, "\n \r\n" + items.joined(separator: "\r\n\t\n") + "\n\n"),
    ] {
      guard case .many(let found) = try read(body, type) else { throw NotMany() }
      #expect(found.count == count)
      #expect(found.faults.isEmpty)
    }
  }

  /// Small items of which a body of 16 MiB has millions.
  @Test(arguments: [
    (MediaType.json, "[" + Array(repeating: "1", count: 10_001).joined(separator: ",") + "]"),
    (.json, "[" + String(repeating: "1,", count: 4_000_000) + "1]"),
    (.cloudEventBatch, "[" + String(repeating: "{},", count: 20_000) + "{}]"),
    (.jsonLines, String(repeating: "x\n", count: 8_000_000)),
  ])
  func `is refused for too many items before any is read`(type: MediaType, body: String) {
    #expect {
      try read(body, type)
    } throws: { error in
      (error as? Problem)?.status == 413
    }
  }

  @Test func `may have lines that are wrong, each for itself`() throws {
    let body = "nonsense\n\(Self.item)\n{}\n[1]"
    guard case .many(let found) = try read(body, .jsonLines) else { throw NotMany() }
    #expect(found.readable.map(\.id).count == 1)
    #expect(found.faults.map(\.index) == [0, 2, 3])
  }

  private struct NotMany: Error {}

  private func read(_ body: String, _ type: MediaType) throws -> UsageIntake.Found {
    try UsageIntake(type: type, key: nil, registersUnknownUser: false)
      .read(Array(body.utf8), JSONParser())
  }
}
