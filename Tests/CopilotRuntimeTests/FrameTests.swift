import CopilotRuntime
import TestSupport
import Testing

@Suite struct `A frame reader` {
  static let good: [(String, [String])] = [
    ("Content-Length: 2\r\n\r\n{}", ["{}"]),
    ("content-length: 2\r\n\r\n{}", ["{}"]),
    ("CONTENT-LENGTH:2\r\n\r\n{}", ["{}"]),
    ("Content-Length: \t 2 \t\r\n\r\n{}", ["{}"]),
    ("Content-Length: 002\r\n\r\n{}", ["{}"]),
    ("Content-Length: 2\n\n{}", ["{}"]),
    (
      "Content-Type: application/vscode-jsonrpc; charset=utf-8\r\nContent-Length: 2\r\n\r\n{}",
      ["{}"]
    ),
    ("Content-Length: 2\r\nX-Other: :: a\r\n\r\n{}", ["{}"]),
    ("Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}", ["{}"]),
    ("Content-Length: 0\r\n\r\nContent-Length: 1\r\n\r\n1", ["", "1"]),
    ("Content-Length: 4\r\n\r\n\r\n\r\nContent-Length: 2\r\n\r\nõ", ["\r\n\r\n", "õ"]),
    ("Content-Length: 2\r\n\r\n{", []),
    ("Content-Length: 2\r\n", []),
    ("", []),
  ]

  @Test(arguments: good) func `reads what clients send`(input: String, bodies: [String]) throws {
    #expect(try read([Array(input.utf8)]) == bodies)
  }

  @Test(arguments: good)
  func `reads the same from single bytes`(input: String, bodies: [String]) throws {
    #expect(try read(input.utf8.map { [$0] }) == bodies)
  }

  @Test(arguments: [
    ("\r\n\r\n", FrameFault.missingLength),
    ("Content-Type: x\r\n\r\n{}", .missingLength),
    ("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n", .malformedHeader),
    ("Content-Length 2\r\n\r\n", .malformedHeader),
    (": 2\r\n\r\n", .malformedHeader),
    ("Content-Length : 2\r\n\r\n{}", .malformedHeader),
    (" Content-Length: 2\r\n\r\n{}", .malformedHeader),
    ("X: a\r\n Content-Length: 2\r\n\r\n{}", .malformedHeader),
    ("Content-Length: 2\rX: y\r\n\r\n{}", .malformedHeader),
    ("X: \u{0}\r\n\r\n", .malformedHeader),
    ("GET / HTTP/1.1\r\nHost: x\r\n\r\n", .malformedHeader),
    ("Content-Length: \r\n\r\n", .malformedLength),
    ("Content-Length: -2\r\n\r\n", .malformedLength),
    ("Content-Length: +2\r\n\r\n", .malformedLength),
    ("Content-Length: 2.0\r\n\r\n", .malformedLength),
    ("Content-Length: 0x2\r\n\r\n", .malformedLength),
    ("Content-Length: 2, 2\r\n\r\n", .malformedLength),
    ("Content-Length: ٢\r\n\r\n", .malformedLength),
    ("Content-Length: 2\r\nContent-Length: 3\r\n\r\n", .conflictingLengths),
    ("Content-Length: 2\r\ncontent-length: 02\r\nCONTENT-LENGTH: 1\r\n\r\n", .conflictingLengths),
    ("Content-Length: 101\r\n\r\n", .bodyTooLong(limit: 100)),
    ("Content-Length: 99999999999999999999999999\r\n\r\n", .bodyTooLong(limit: 100)),
    (String(repeating: "X: y\r\n", count: 2000), .headTooLong(limit: 8192)),
    (String(repeating: "x", count: 9000), .headTooLong(limit: 8192)),
  ])
  func `refuses what is no frame, for good`(input: String, fault: FrameFault) {
    #expect(throws: fault) { try read([Array(input.utf8)]) }
    #expect(throws: fault) { try read(input.utf8.map { [$0] }) }
    var reader = FrameReader(maximumBodyBytes: 100)
    reader.feed(Array(input.utf8).span)
    #expect(throws: fault) { try reader.next() }
    reader.feed(Array("Content-Length: 2\r\n\r\n{}".utf8).span)
    #expect(throws: fault) { try reader.next() }
  }

  @Test func `delivers what came before a fault`() throws {
    var reader = FrameReader()
    reader.feed(Array("Content-Length: 2\r\n\r\n{}oops\r\n".utf8).span)
    #expect(try reader.next() == Array("{}".utf8))
    #expect(throws: FrameFault.malformedHeader) { try reader.next() }
  }

  @Test func `takes a body as long as the limit`() throws {
    let body = String(repeating: "x", count: 100)
    #expect(try read([Array("Content-Length: 100\r\n\r\n\(body)".utf8)]) == [body])
  }

  @Test func `reads the same however the input is cut`() throws {
    var numbers = SeededNumbers()
    for _ in 0..<200 {
      let bodies = (0..<Int.random(in: 0...6, using: &numbers)).map { _ in
        let length = [0, 1, 2, 40, 99, 100].randomElement(using: &numbers) ?? 0
        return (0..<length).map { _ in UInt8("\r\n {}:aC".utf8.randomElement(using: &numbers) ?? 0)
        }
      }
      var input: [UInt8] = []
      for body in bodies { FrameWriter.append(body, to: &input) }
      var parts: [[UInt8]] = []
      while !input.isEmpty {
        let count = min(Int.random(in: 1...60, using: &numbers), input.count)
        parts.append(Array(input.prefix(count)))
        input.removeFirst(count)
      }
      let expected = bodies.map { String(decoding: $0, as: UTF8.self) }
      #expect(try read(parts) == expected, "seed \(numbers.seed)")
      #expect(try readAtTheEnd(parts) == expected, "seed \(numbers.seed)")
    }
  }

  @Test(.timeLimit(.minutes(1))) func `takes a large body in tiny pieces in linear time`() throws {
    var reader = FrameReader()
    let size = 4 << 20
    reader.feed(Array("Content-Length: \(size)\r\n\r\n".utf8).span)
    #expect(try reader.next() == nil)
    let piece: [UInt8] = [0x20, 0x20, 0x20, 0x20]
    for _ in 0..<size / 4 - 1 {
      reader.feed(piece.span)
      guard try reader.next() == nil else { throw FrameFault.missingLength }
    }
    reader.feed(piece.span)
    #expect(try reader.next()?.count == size)
    #expect(!reader.hasUnread)
  }

  /// Every body as soon as it is there.
  private func read(_ parts: [[UInt8]]) throws -> [String] {
    var reader = FrameReader(maximumBodyBytes: 100)
    var bodies: [String] = []
    for part in parts {
      reader.feed(part.span)
      while let body = try reader.next() { bodies.append(String(decoding: body, as: UTF8.self)) }
    }
    return bodies
  }

  /// Every body after everything has been fed, as when answering was held back.
  private func readAtTheEnd(_ parts: [[UInt8]]) throws -> [String] {
    var reader = FrameReader(maximumBodyBytes: 100)
    for part in parts { reader.feed(part.span) }
    var bodies: [String] = []
    while let body = try reader.next() { bodies.append(String(decoding: body, as: UTF8.self)) }
    return bodies
  }
}

@Suite struct `A frame writer` {
  @Test(arguments: ["", "{}", "õ"]) func `writes one header in one spelling`(body: String) {
    var output = Array("x".utf8)
    FrameWriter.append(Array(body.utf8), to: &output)
    let expected = "xContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
    #expect(String(decoding: output, as: UTF8.self) == expected)
  }
}
