import CopilotRuntime
import Testing

@Suite struct `The command line of an SDK` {
  @Test(arguments: [
    (["--headless", "--no-auto-update", "--log-level", "info", "--stdio"], true),
    (["--data", "x", "--headless", "--no-auto-update", "--log-level", "info"], true),
    (["--stdio"], true), (["--port", "8000"], true), (["--port=8000"], true),
    ([], false), (["serve"], false), (["--help"], false), (["usage", "--port", "1"], false),
    (["append", "-"], false),
  ])
  func `is told from a command of a user`(words: [String], isSpawn: Bool) {
    #expect(SpawnOptions.isSpawn(words) == isSpawn)
  }

  @Test(
    arguments: [
      (["--headless"], .tcp(host: "127.0.0.1", port: 0)),
      (["--headless", "--port", "8000"], .tcp(host: "127.0.0.1", port: 8000)),
      (["--headless", "--port=8000", "--host=::1"], .tcp(host: "::1", port: 8000)),
      (["--headless", "--host", "0.0.0.0"], .tcp(host: "0.0.0.0", port: 0)),
      (["--headless", "--stdio"], .stdio), (["--stdio", "--port", "1"], .stdio),
      (["--headless", "--log-level", "--stdio"], .stdio),
    ] as [([String], SpawnOptions.Way)])
  func `says how the SDK will talk`(words: [String], way: SpawnOptions.Way) throws {
    #expect(try options(words).way == way)
  }

  @Test(arguments: ["x", "-1", "+1", "65536", "", "1.0", "٣"])
  func `is refused with a bad port`(port: String) {
    #expect(throws: SpawnOptionFault.badPort(port)) { try options(["--port", port]) }
    #expect(throws: SpawnOptionFault.badPort(port)) { try options(["--port=\(port)"]) }
  }

  @Test func `may have what nobody knows, which is noted`() throws {
    let words = [
      "--headless", "--cli-login-sync-integration-id=7", "--new-flag", "value", "--no-auto-login",
      "--session-idle-timeout", "30", "--log-level", "debug", "--data", "store", "--stdio",
      "--host",
    ]
    let options = try options(words)
    #expect(
      options.notes == [
        "ignored the unknown flag --cli-login-sync-integration-id",
        "ignored the unknown flag --new-flag", "ignored a value of an unknown flag",
        "ignored --host without a value",
      ])
    #expect(options.dataPath == "store")
    #expect(options.way == .stdio)
  }

  @Test(
    arguments: [
      ([], [:], nil), ([], ["COPILOT_CONNECTION_TOKEN": "t"], "t"),
      ([], ["COPILOT_CONNECTION_TOKEN": ""], nil),
      (["--auth-token-env", "MINE"], ["MINE": "m"], "m"),
      (["--auth-token-env", "MINE"], ["MINE": "m", "COPILOT_CONNECTION_TOKEN": "t"], "t"),
      (["--auth-token-env", "MINE"], [:], nil),
      // Its client does not show it to us: no client could connect.
      (["--auth-token-env", "COPILOT_SDK_AUTH_TOKEN"], ["COPILOT_SDK_AUTH_TOKEN": "g"], nil),
    ] as [([String], [String: String], String?)])
  func `names the token that a client shows`(
    words: [String], environment: [String: String], token: String?
  ) throws {
    #expect(try SpawnOptions(["--headless"] + words) { environment[$0] }.token == token)
  }

  private func options(_ words: [String]) throws -> SpawnOptions {
    try SpawnOptions(words) { _ in nil }
  }
}
