import Foundation
import HTTPServer
import Testing

@Suite struct `thousands of streams` {
  @Test func `cost little while they rest`() async {
    // In a process of its own, where no other test takes memory meanwhile.
    let result = await #expect(
      processExitsWith: .success, observing: [\.standardOutputContent]
    ) {
      let count = 2_000
      let server = try TestServer()
      let warm = try Self.open(100, server)
      let before = try Self.residentBytes()
      let clients = try Self.open(count, server)
      // One after the other: what each took in passing is there for the next.
      for (number, client) in clients.enumerated() {
        server.onLoop { _, handler in _ = handler.write("x".repeated(2_000), to: "\(number)") }
        _ = try client.text(through: "x\r\n")
      }
      // The clients hold their own: a socket each, and what they received last.
      let perStream = (try Self.residentBytes() - before) / count
      print("a resting stream costs \(perStream) bytes, its client included")
      withExtendedLifetime((warm, clients)) {}
      fflush(nil)
      exit(perStream > 0 && perStream <= 3_072 ? 0 : 1)
    }
    let output = String(decoding: result?.standardOutputContent ?? [], as: UTF8.self)
    print(output.split(separator: "\n").filter { $0.contains("costs") }.joined())
  }

  private static func open(_ count: Int, _ server: TestServer) throws -> [TestClient] {
    try (0..<count).map { number in
      let client = try TestClient(port: server.port)
      try client.send("GET /stream?\(number) HTTP/1.1\r\nHost: h\r\n\r\n")
      _ = try client.text(through: "\r\n\r\n")
      return client
    }
  }

  private static func residentBytes() throws -> Int {
    let text = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8)
    let pages = text.split(separator: " ")[1]
    return (Int(pages) ?? 0) * 4_096
  }
}
