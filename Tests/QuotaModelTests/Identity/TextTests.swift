import QuotaModel
import TestSupport
import Testing

@Suite struct `A text of bounded length` {
  typealias Make = @Sendable (String) throws(TextRule) -> String

  struct Kind: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let maximum: Int
    let make: Make
  }

  static let kinds = [
    Kind(testDescription: "request id", maximum: 456) { text throws(TextRule) in
      try RequestID(text).description
    },
    Kind(testDescription: "model", maximum: 255) { text throws(TextRule) in
      try ModelName(text).description
    },
    Kind(testDescription: "reason", maximum: 1000) { text throws(TextRule) in
      try Reason(text).description
    },
    Kind(testDescription: "user name", maximum: 255) { text throws(TextRule) in
      try UserName(text).description
    },
  ]

  @Test(arguments: kinds) func `is kept as it is, up to its bound in bytes`(kind: Kind) throws {
    let longest = String(repeating: "x", count: kind.maximum)
    for text in ["a", " ", " a ", "é👋漢\u{80}\u{2028}", longest] {
      #expect(Array(try kind.make(text).utf8) == Array(text.utf8))
    }
  }

  @Test(arguments: kinds) func `is neither empty nor longer than its bound`(kind: Kind) {
    let long = String(repeating: "x", count: kind.maximum + 1)
    let bytes = String(repeating: "é", count: kind.maximum / 2 + 1)
    for (text, part) in [("", "empty"), (long, "\(kind.maximum)"), (bytes, "\(kind.maximum)")] {
      let rule = #expect(throws: TextRule.self) { try kind.make(text) }
      #expect(rule?.description.contains(part) == true)
    }
  }

  @Test(arguments: kinds, ["\0", "\u{1}", "\t", "\n", "\r\n", "\u{1F}", "\u{7F}"])
  func `has no control characters`(kind: Kind, control: String) {
    for text in [control, "a\(control)", "\(control)a"] {
      let rule = #expect(throws: TextRule.self) { try kind.make(text) }
      #expect(rule?.description == "must not contain control characters")
    }
  }

  @Test func `that names a user is no spelling of an id`() throws {
    for text in ["0123456789ab4def8123456789abcdef", "{01234567-89ab-4def-8123-456789abcdef}"] {
      #expect(throws: TextRule.self) { try UserName(text) }
    }
    #expect(try UserName("0123456789ab4def8123456789abcde").description.count == 31)
  }

  @Test func `is another one with other bytes, even where both look alike`() throws {
    let (composed, decomposed) = ("\u{E9}", "e\u{301}")
    #expect(try RequestID(composed) != RequestID(decomposed))
    #expect(try ModelName(composed) != ModelName(decomposed))
    #expect(try Reason(composed) != Reason(decomposed))
    #expect(try UserName(composed) != UserName(decomposed))
    #expect(try Set([UserName(composed), UserName(decomposed), UserName(composed)]).count == 2)
  }
}

@Suite struct `A number written in hexadecimal digits` {
  @Test func `names a token`() {
    var numbers = SeededNumbers()
    #expect(TokenID(0xFE).description == "00000000000000fe")
    #expect(TokenID(text: "00000000000000FE") == TokenID(0xFE))
    for _ in 0..<100 {
      let token = TokenID(numbers.next())
      #expect(TokenID(text: token.description) == token)
    }
  }

  @Test(arguments: ["", "fe", "0000000000000000f", "000000000000000g", "0x00000000000000", "é"])
  func `names no token`(text: String) { #expect(TokenID(text: text) == nil) }

  @Test func `is the digest of a token`() {
    var numbers = SeededNumbers()
    let text = "0000000000000001" + "0000000000000002" + "0000000000000003" + "00000000000000ff"
    #expect(TokenDigest(text: text) == TokenDigest((1, 2, 3, 255)))
    #expect(TokenDigest((1, 2, 3, 255)).description == text)
    for _ in 0..<100 {
      let digest = TokenDigest((numbers.next(), numbers.next(), numbers.next(), numbers.next()))
      #expect(TokenDigest(text: digest.description) == digest)
    }
  }

  @Test func `is no digest of another length or with other characters`() {
    for text in ["", String(repeating: "0", count: 63), String(repeating: "0", count: 65)] {
      #expect(TokenDigest(text: text) == nil)
    }
    for place in [0, 16, 32, 63] {
      var digits = Array(repeating: "0", count: 64)
      digits[place] = "z"
      #expect(TokenDigest(text: digits.joined()) == nil)
    }
  }

  @Test func `is another digest in any of its words`() {
    let digest = TokenDigest((1, 2, 3, 4))
    for other in [(0, 2, 3, 4), (1, 0, 3, 4), (1, 2, 0, 4), (1, 2, 3, 0)]
      as [(UInt64, UInt64, UInt64, UInt64)]
    {
      #expect(TokenDigest(other) != digest)
    }
  }
}

@Suite struct `A hold's id` {
  @Test(arguments: [("1", 1), ("007", 7), ("18446744073709551615", .max)] as [(String, UInt64)])
  func `is a position`(text: String, position: UInt64) {
    #expect(HoldID(text: text) == HoldID(Position(position)))
  }

  @Test(arguments: ["", "0", "-1", "+1", " 1", "1.0", "1e3", "0x1", "١", "18446744073709551616"])
  func `is nothing else`(text: String) { #expect(HoldID(text: text) == nil) }
}

@Suite struct `A position` {
  @Test func `is followed by the next one`() {
    #expect(Position.zero.next == Position(1))
    #expect(Position(7).advanced(by: 0) == Position(7))
    #expect(Position(7).advanced(by: 5) == Position(12))
    #expect([Position(2), .zero, Position(10)].sorted().map(\.description) == ["0", "2", "10"])
  }
}
