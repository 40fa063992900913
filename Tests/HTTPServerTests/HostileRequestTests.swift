import HTTPServer
import Testing

/// Requests that clients, proxies and servers have disagreed about, or that are no requests at all.
@Suite struct `a hostile request` {
  struct Example: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let bytes: [UInt8]
    let status: Int

    init(_ name: String, _ bytes: [UInt8], _ status: Int) {
      testDescription = name
      self.bytes = bytes
      self.status = status
    }

    /// A request with this request line and these lines of headers, one to a line.
    init(_ name: String, line: String = "GET / HTTP/1.1", _ fields: String..., status: Int = 400) {
      let head = ([line] + fields).joined(separator: "\r\n") + "\r\n\r\n"
      self.init(name, Array(head.utf8), status)
    }

    /// A chunked body; what follows would be a request of its own if it were read as one.
    init(chunks name: String, _ chunks: String, status: Int = 400) {
      let head = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
      self.init(
        name, Array((head + chunks + "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n").utf8), status)
    }
  }

  static let requestLines = [
    Example("no request", [0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xFC, 0x03], 400),
    Example("zeros", [UInt8](repeating: 0, count: 100), 400),
    Example("high bytes", [UInt8](repeating: 0xFF, count: 100), 400),
    Example("a line feed first", Array("\nGET / HTTP/1.1\r\nHost: h\r\n\r\n".utf8), 400),
    Example("a space first", line: " GET / HTTP/1.1", "Host: h"),
    Example("one word", line: "GET", "Host: h"),
    Example("no version", line: "GET /", "Host: h"),
    Example("two spaces", line: "GET  / HTTP/1.1", "Host: h"),
    Example("a space in the target", line: "GET /a b HTTP/1.1", "Host: h"),
    Example("a space at the end", line: "GET / HTTP/1.1 ", "Host: h"),
    Example("tabs for spaces", line: "GET\t/\tHTTP/1.1", "Host: h"),
    Example("a NUL in the target", line: "GET /\0 HTTP/1.1", "Host: h"),
    Example("a CR in the target", line: "GET /\r HTTP/1.1", "Host: h"),
    Example("an escape in the target", line: "GET /\u{1B}[2J HTTP/1.1", "Host: h"),
    Example("a DEL in the target", line: "GET /\u{7F} HTTP/1.1", "Host: h"),
    Example("letters beyond ASCII in the target", line: "GET /ä HTTP/1.1", "Host: h"),
    Example("a fragment", line: "GET /#f HTTP/1.1", "Host: h"),
    Example("a relative target", line: "GET index HTTP/1.1", "Host: h"),
    Example("an asterisk with GET", line: "GET * HTTP/1.1", "Host: h"),
    Example("an absolute target without a host", line: "GET http:///x HTTP/1.1", "Host: h"),
    Example("an absolute target with a user", line: "GET http://u@h/x HTTP/1.1", "Host: h"),
    Example("another scheme", line: "GET ftp://h/x HTTP/1.1", "Host: h"),
    Example("a tunnel", line: "CONNECT h:443 HTTP/1.1", "Host: h", status: 501),
    Example("a method with a colon", line: "GET: / HTTP/1.1", "Host: h"),
    Example("HTTP/0.9", line: "GET / HTTP/0.9", "Host: h", status: 505),
    Example("HTTP/2", Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8), 505),
    Example("HTTP/2.0 in a plain request", line: "GET / HTTP/2.0", "Host: h", status: 505),
    Example("another protocol", line: "GET / ICY/1.1", "Host: h"),
    Example("a version of letters", line: "GET / HTTP/a.b", "Host: h"),
    Example("another protocol", line: "GET / HXYZ/1.1", "Host: h"),
    Example("a protocol in small letters", line: "GET / http/1.1", "Host: h"),
    Example("no protocol", line: "GET / 1.1", "Host: h"),
    Example("a version without a point", line: "GET / HTTP/1 1", "Host: h"),
    Example("a version too long", line: "GET / HTTP/1.11", "Host: h"),
    Example("a version in lower case", line: "GET / http/1.1", "Host: h"),
  ]

  static let fields = [
    Example("no Host", "A: b"),
    Example("two Hosts", "Host: h", "Host: h"),
    Example("two Hosts in HTTP/1.0", line: "GET / HTTP/1.0", "Host: h", "Host: i"),
    Example("a list of Hosts", "Host: h, i"),
    Example("a Host with a space", "Host: h i"),
    Example("a Host with a path", "Host: h/x"),
    Example("a Host with a user", "Host: u@h"),
    Example("a space before the first field", " Host: h"),
    Example("a tab before the first field", "\tA: b", "Host: h"),
    Example("a continued line", "Host: h", "A: b", " c"),
    Example("a line continued by a tab", "Host: h", "A: b", "\tc"),
    Example("a continued empty value", "Host: h", "A:", " c"),
    Example("a continued Transfer-Encoding", "Host: h", "Transfer-Encoding:", " chunked"),
    Example("a space before a colon", "Host : h"),
    Example("a tab before a colon", "Host: h", "Content-Length\t: 5"),
    Example("a space in a name", "Host: h", "Content Length: 5"),
    Example("a field without a name", "Host: h", ": b"),
    Example("a field without a colon", "Host: h", "abc"),
    Example("a NUL in a name", "Host: h", "A\0: b"),
    Example("a NUL in a value", "Host: h", "A: b\0c"),
    Example("a CR in a value", "Host: h", "A: b\rc"),
    Example("a bell in a value", "Host: h", "A: b\u{7}"),
    Example("a DEL in a value", "Host: h", "A: b\u{7F}"),
    Example("letters beyond ASCII in a name", "Host: h", "Ä: b"),
    Example("a line that ends in LF", Array("GET / HTTP/1.1\nHost: h\n\n".utf8), 400),
    Example("a head that ends in LF", Array("GET / HTTP/1.1\r\nHost: h\r\n\n".utf8), 400),
    Example("a head that ends in CR CR LF", Array("GET / HTTP/1.1\r\nHost: h\r\n\r\r\n".utf8), 400),
    Example("an unknown expectation", "Host: h", "Expect: tea", status: 417),
    Example("two expectations", "Host: h", "Expect: 100-continue", "Expect: tea", status: 417),
  ]

  static let framings = [
    Example("length and chunks", "Host: h", "Content-Length: 5", "Transfer-Encoding: chunked"),
    Example("chunks and length", "Host: h", "Transfer-Encoding: chunked", "Content-Length: 5"),
    Example("two lengths", "Host: h", "Content-Length: 5", "Content-Length: 6"),
    Example("one length twice", "Host: h", "Content-Length: 5", "Content-Length: 5"),
    Example("a list of lengths", "Host: h", "Content-Length: 5, 5"),
    Example("a length of nothing", "Host: h", "Content-Length:"),
    Example("a negative length", "Host: h", "Content-Length: -1"),
    Example("a length with a plus", "Host: h", "Content-Length: +5"),
    Example("a length with a space", "Host: h", "Content-Length: 5 5"),
    Example("a hexadecimal length", "Host: h", "Content-Length: 0x5"),
    Example("a length with a fraction", "Host: h", "Content-Length: 5.0"),
    Example("a length that overflows", "Host: h", "Content-Length: 18446744073709551617"),
    Example("a length of 64 bits", "Host: h", "Content-Length: 18446744073709551614"),
    Example("a length of many digits", "Host: h", "Content-Length: \("9".repeated(500))"),
    Example("an unknown coding", "Host: h", "Transfer-Encoding: gzip"),
    Example("the coding identity", "Host: h", "Transfer-Encoding: identity"),
    Example("an unknown coding first", "Host: h", "Transfer-Encoding: gzip, chunked", status: 501),
    Example("chunked not last", "Host: h", "Transfer-Encoding: chunked, gzip"),
    Example("something like chunked", "Host: h", "Transfer-Encoding: xchunked"),
    Example("chunked with a vertical tab", "Host: h", "Transfer-Encoding: \u{B}chunked"),
    Example("chunked in quotes", "Host: h", "Transfer-Encoding: \"chunked\""),
    Example("no coding", "Host: h", "Transfer-Encoding:"),
    Example(
      "chunks in HTTP/1.0", line: "POST / HTTP/1.0", "Host: h", "Transfer-Encoding: chunked"),
    Example(chunks: "no size", "\r\nx\r\n0\r\n\r\n"),
    Example(chunks: "a size that is no number", "x\r\nx\r\n0\r\n\r\n"),
    Example(chunks: "a size with a prefix", "0x1\r\nx\r\n0\r\n\r\n"),
    Example(chunks: "a negative size", "-1\r\nx\r\n0\r\n\r\n"),
    Example(chunks: "a size after a space", " 1\r\nx\r\n0\r\n\r\n"),
    Example(chunks: "two sizes", "1 1\r\nx\r\n0\r\n\r\n"),
    Example(chunks: "a size that ends in LF", "1\nx\r\n0\r\n\r\n"),
    Example(chunks: "a size that ends in CR", "1\rx\r\n0\r\n\r\n"),
    Example(chunks: "an LF in an extension", "1;a\nx\r\n0\r\n\r\n"),
    Example(chunks: "a CR in an extension", "1;a\rb\r\nx\r\n0\r\n\r\n"),
    Example(chunks: "a NUL in an extension", "1;a\0\r\nx\r\n0\r\n\r\n"),
    Example(chunks: "data longer than its size", "1\r\nxy\r\n0\r\n\r\n"),
    Example(chunks: "data that ends in LF", "1\r\nx\n0\r\n\r\n"),
    Example(chunks: "data without an end", "1\r\nx0\r\n\r\n"),
    Example(chunks: "a trailer that ends in LF", "0\r\nA: b\n\r\n"),
    Example(chunks: "a trailer with a space before its colon", "0\r\nA : b\r\n\r\n"),
    Example(chunks: "a continued trailer", "0\r\nA: b\r\n c\r\n\r\n"),
    Example(chunks: "a last line that ends in LF", "0\r\n\n"),
  ]

  @Test(arguments: requestLines + fields + framings)
  func `is refused and the connection closed`(example: Example) throws {
    let server = try TestServer()
    let client = try TestClient(port: server.port)
    try client.send(example.bytes)
    let responses = try client.responsesToEnd()
    #expect(responses.map(\.status) == [example.status])
    #expect(responses.first?.headers["content-type"] == "application/json")
    #expect(responses.first?.headers["connection"] == "close")
    #expect(responses.first?.body.hasPrefix(#"{"detail":""#) == true)
    #expect(server.onLoop { _, handler in handler.handledCount } == 0)
    let next = try TestClient(port: server.port)
    #expect(try next.exchange("GET / HTTP/1.1\r\nHost: h\r\n\r\n").status == 200)
  }

  /// What is unusual but right.
  @Test(arguments: [
    ("GET http://Other:81/p?q HTTP/1.1\r\nHost: h\r\n\r\n", "GET /p?q Other:81 0"),
    ("GET HTTP://other HTTP/1.1\r\nHost: h\r\n\r\n", "GET / other 0"),
    ("GET https://other?q HTTP/1.1\r\nHost: h\r\n\r\n", "GET /?q other 0"),
    ("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", "OPTIONS * h 0"),
    ("GET / HTTP/1.1\r\nHost:\r\n\r\n", "GET /  0"),
    ("GET / HTTP/1.1\r\nhOST: \t [::1]:80 \t\r\n\r\n", "GET / [::1]:80 0"),
    ("GET /? HTTP/1.1\r\nHost: h\r\n\r\n", "GET /? h 0"),
    ("GET //a/../b%00?x?y HTTP/1.1\r\nHost: h\r\n\r\n", "GET //a/../b%00?x?y h 0"),
    ("GET / HTTP/1.2\r\nHost: h\r\n\r\n", "GET / h 0"),
    ("GET / HTTP/1.1\r\nHost: h\r\nA: \u{FC}\r\n\r\n", "GET / h 0"),
    ("GET / HTTP/1.1\r\nHost: h\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n", "GET / h 0"),
    ("PATCH / HTTP/1.1\r\nHost: h\r\nContent-Length: 003\r\n\r\nabc", "PATCH / h 3"),
    (
      "GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: CHUNKED\r\n\r\n1\r\na\r\n0\r\n\r\n",
      "GET / h 1"
    ),
    ("PROPFIND / HTTP/1.1\r\nHost: h\r\n\r\n", "PROPFIND / h 0"),
  ])
  func `may only look like one`(request: String, answer: String) throws {
    let server = try TestServer()
    let client = try TestClient(port: server.port)
    try client.send(request + "GET /next HTTP/1.1\r\nHost: h\r\n\r\n")
    #expect(try client.response().body == answer)
    #expect(try client.response().body == "GET /next h 0")
  }

  @Test(arguments: [
    "GET / HT", "GET / HTTP/1.1\r\nHost: h\r\n",
    "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\na",
  ])
  func `without its end is refused when the client finishes`(request: String) throws {
    let server = try TestServer()
    let client = try TestClient(port: server.port)
    try client.send(request)
    client.finishSending()
    #expect(try client.responsesToEnd().map(\.status) == [400])
  }

  @Test func `of random bytes does no harm`() throws {
    let server = try TestServer()
    var random = SplitMix(seed: 20_261_120)
    let valid = Array(
      "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n".utf8
    )
    for _ in 0..<400 {
      var bytes = valid
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        bytes[Int.random(in: 0..<bytes.count, using: &random)] = .random(
          in: 0...255, using: &random)
      }
      let client = try TestClient(port: server.port)
      try client.send(bytes)
      client.finishSending()
      let statuses = try client.responsesToEnd().map(\.status)
      #expect(
        !statuses.isEmpty && statuses.allSatisfy { [200, 400, 413, 417, 501, 505].contains($0) })
    }
    #expect(server.wait { server, _ in server.openConnections == 0 })
  }
}

/// A small generator of random numbers that gives the same ones for the same seed.
struct SplitMix: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) {
    state = seed
  }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var bits = state
    bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
    bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
    return bits ^ (bits >> 31)
  }
}
