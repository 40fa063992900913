import JSON
import Testing

/// The document with `n` times `[` and as many `]`.
func nested(_ n: Int) -> String {
  String(repeating: "[", count: n) + String(repeating: "]", count: n)
}

func parse(_ text: String, maximumDepth: Int = 64) throws(JSONSyntaxError) -> JSONValue {
  try JSONParser(maximumDepth: maximumDepth).parse(Array(text.utf8))
}

@Suite("The JSON parser")
struct JSONParserTests {
  @Test(arguments: [
    "null", "true", "false", "0", "-0", "-1.5e-3", "1E+2", #""""#, #""a""#, "[]", "{}", " [ ] ",
    "\t{\r\n}\n", #"{"a":1,"a":2}"#, #"[[],{},[{}]]"#, #""\u0000""#, #""\ud83d\ude00""#,
    #""\"\\\/\b\f\n\r\t""#, "\"\u{7F}\u{2028}\u{FEFF}\"", "9223372036854775808",
    "18446744073709551616", "1e20", "1e300", "1.7976931348623157e308", "1e-999999999",
    "0e999999999", "-0.0e999999999",
  ])
  func `every document of RFC 8259 is accepted`(text: String) {
    #expect(throws: Never.self) { try parse(text) }
  }

  @Test(arguments: [
    "", " ", "nul", "nulll", "True", "truefalse", "undefined", "NaN", "Infinity", "-Infinity",
    "00", "01", "-01", "+1", ".5", "1.", "1.e5", "1e", "1e+", "-", "--1", "0x10", "1_0", "1abc",
    "'a'", "{'a':1}", "{a:1}", "[1,]", "[,1]", "[1,,2]", "[1 2]", #"["a""b"]"#, #"["a"b]"#,
    #"{"a" 1}"#, #"{"a":}"#, #"{"a"}"#, #"{"a":1,}"#, #"{,"a":1}"#, #"{"a":1 "b":2}"#, "{1:2}",
    #"{"a":1]"#, "[1}", "]", "}", ":", ",", "[", "{", #"{"a""#, #"{"a":"#, #"{"a":1"#, "[1",
    #"""#, #""a"#, #""a\""#, #"["a]"#, "1 2", "{}{}", "[] x", "1//c", "/**/1", "[1/**/]", "1#",
    #""\x""#, #""\u12""#, #""\u123g""#, #""\U0041""#, #""\u+123""#, #""\"#, "\"a\nb\"", "\"\t\"",
    "\"\u{0}\"", "\"\u{1F}\"", "1\u{0}", "\u{0}", "\u{C}1", "1\u{1A}", "\u{A0}1",
    "\u{FEFF}1", "1\u{FEFF}", "\u{FEFF}",
    #""\ud83d""#, #""\ude00""#, #""\ud83dx""#, #""\ud83d\n""#, #""\ud83d\ud83d""#,
    #""\ude00\ud83d""#, #"{"\ude00":1}"#,
    "1e400", "-1e400", "1e309", "1.7976931348623159e308", "1e999999999", "1e99999999999999999999",
  ])
  func `anything else is refused`(text: String) {
    #expect(throws: JSONSyntaxError.self) { try parse(text) }
  }

  @Test(
    arguments: [
      [0x22, 0x80, 0x22], [0x22, 0xC3, 0x22], [0x22, 0xC0, 0x80, 0x22],
      [0x22, 0xED, 0xA0, 0x80, 0x22],
      [0x22, 0xF4, 0x90, 0x80, 0x80, 0x22], [0x22, 0xFF, 0x22], [0x31, 0x80],
      [0xFF, 0xFE, 0x31, 0x00],
      [0x22, 0xE2, 0x82], [0x22, 0xE0, 0x80, 0x80, 0x22],
    ] as [[UInt8]])
  func `text that is not UTF-8 is refused`(bytes: [UInt8]) {
    #expect(throws: JSONSyntaxError.self) { try JSONParser().parse(bytes) }
  }

  @Test(arguments: 0..<130)
  func `where a token falls in the scanner's blocks does not matter`(padding: Int) throws {
    let space = String(repeating: " ", count: padding)
    let letters = String(repeating: "x", count: padding)
    #expect(try parse(space + "[1]" + space).count == 1)
    #expect(try parse(#"{"\#(letters)\\":"\#(letters)\""}"#)[letters + #"\"#] != nil)
    #expect(throws: JSONSyntaxError.self) { try parse(space + "[1 2]") }
    #expect(throws: JSONSyntaxError.self) { try parse(#"["\#(letters)\"]"#) }
    #expect(throws: JSONSyntaxError.self) { try parse(#"["\#(letters)\ud800"]"#) }
    #expect(throws: JSONSyntaxError.self) { try parse("[\"\(letters)\u{1}\"]") }
  }

  @Test func `a number fits as long as it does not round to infinity`() throws {
    let nines = String(repeating: "9", count: 308)
    let zeros = String(repeating: "0", count: 400)
    for text in [nines, nines + ".9", "0.\(zeros)1e709", "1\(zeros)e-93", "1\(zeros)e-400"] {
      #expect(try parse(text).numberText == text)
    }
    for text in [nines + "9", "0.\(zeros)1e710", "1\(zeros)", "1\(zeros)e-91"] {
      let error = #expect(throws: JSONSyntaxError.self) { try parse(text) }
      #expect(error?.reason == "a number is too large")
    }
    #expect(throws: JSONSyntaxError.self) { try parse(String(repeating: "1", count: 5_000)) }
  }

  @Test func `nesting is admitted to the limit and no further`() throws {
    #expect(try parse(nested(64)).count == 1)
    #expect(throws: JSONSyntaxError.self) { try parse(nested(65)) }
    #expect(throws: JSONSyntaxError.self) { try parse(String(repeating: "[", count: 1_000_000)) }
    #expect(throws: JSONSyntaxError.self) {
      try parse(String(repeating: #"{"a":"#, count: 100_000))
    }
    #expect(try parse("[" + nested(63) + "," + nested(63) + "]").count == 2)
    #expect(try parse("1", maximumDepth: 0).int64 == 1)
    #expect(throws: JSONSyntaxError.self) { try parse("[]", maximumDepth: 0) }
    #expect(try parse(nested(100_000), maximumDepth: 100_000).count == 1)
  }

  @Test(arguments: [
    (#"{"user" 7}"#, "expected ':' after a member name: line 1 column 9 (byte 8)"),
    ("[1,\n 2,\n x]", "expected a value: line 3 column 2 (byte 9)"),
    (#"{"é": 01}"#, "a number must not start with a zero: line 1 column 7 (byte 7)"),
    ("[1 2]", "expected ',' or ']' after an element: line 1 column 4 (byte 3)"),
    (#"{"a":1;}"#, "malformed number: line 1 column 7 (byte 6)"),
    (#"{"a":"b";}"#, "expected ',' or '}' after a member: line 1 column 9 (byte 8)"),
    ("{a:1}", "expected a member name in double quotes: line 1 column 2 (byte 1)"),
    ("[nulll]", "expected null, true or false: line 1 column 2 (byte 1)"),
    ("[1, -1e400]", "a number is too large: line 1 column 6 (byte 5)"),
    ("[1, 2.x]", "malformed number: line 1 column 7 (byte 6)"),
    ("{} {}", "expected nothing after the value: line 1 column 4 (byte 3)"),
    ("[", "expected a value: line 1 column 2 (byte 1)"),
    (#"{"a":"#, "expected a value: line 1 column 6 (byte 5)"),
    (#"["a\n\x"]"#, "invalid escape in a string: line 1 column 6 (byte 5)"),
    (#"["\ud800"]"#, "a surrogate escape without its other half: line 1 column 3 (byte 2)"),
    (#"["a", "b]"#, "a string is not closed: line 1 column 7 (byte 6)"),
    (
      "[\"a\",\n\"b\u{1}\"]",
      "a control character in a string must be escaped: line 2 column 3 (byte 8)"
    ),
    ("\u{FEFF}1", "a byte order mark is not allowed: line 1 column 1 (byte 0)"),
    ("", "the document is empty: line 1 column 1 (byte 0)"),
    ("[[[]]]", "nested deeper than 2 levels: line 1 column 3 (byte 2)"),
  ])
  func `an error says what is wrong and where`(text: String, description: String) {
    let error = #expect(throws: JSONSyntaxError.self) { try parse(text, maximumDepth: 2) }
    #expect(error.map(String.init(describing:)) == description)
  }

  @Test func `the first byte that is not UTF-8 is named`() {
    let bytes: [UInt8] = [0x5B, 0x22, 0xC3, 0xA9, 0x22, 0x2C, 0x22, 0xE2, 0x82, 0x22, 0x5D]
    let error = #expect(throws: JSONSyntaxError.self) { try JSONParser().parse(bytes) }
    #expect(error?.description == "invalid UTF-8: line 1 column 7 (byte 7)")
  }

  @Test func `values outlive the parser's next documents`() throws {
    let parser = JSONParser()
    let held = try parser.parse(Array(#"{"a":["x\n",1.50]}"#.utf8))
    let element = try #require(held["a"]?.elements.first { $0.kind == .number })
    for round in 0..<100 {
      let other = try parser.parse(Array(#"{"a":["y\t\#(round)",\#(round)]}"#.utf8))
      #expect(other["a"]?.elements.map(\.int64).last == Int64(round))
      #expect(throws: JSONSyntaxError.self) { try parser.parse(Array("[[[[".utf8)) }
    }
    #expect(held["a"]?.elements.first { _ in true }?.string == "x\n")
    #expect(element.numberText == "1.50")
  }

  @Test func `a refusal leaves the parser usable`() throws {
    let parser = JSONParser()
    #expect(throws: JSONSyntaxError.self) { try parser.parse(Array(#"["\ud800"]"#.utf8)) }
    #expect(try parser.parse(Array("[1]".utf8)).count == 1)
  }

  @Test func `documents of all sizes go through one parser`() throws {
    let parser = JSONParser()
    for count in [1, 100, 400_000, 3, 50_000, 0] {
      let text = "[" + repeatElement("1", count: count).joined(separator: ",") + "]"
      #expect(try parser.parse(Array(text.utf8)).count == count)
    }
  }

  @Test func `a document has so many values, commas and brackets at most`() throws {
    let parser = JSONParser()
    let most = (JSONParser.maximumTokenCount - 2) / 2
    let values = String(repeating: "1,", count: most - 1)
    #expect(try parser.parse(Array("[\(values)1]".utf8)).count == most)
    #expect {
      try parser.parse(Array("[\(values)1,1]".utf8))
    } throws: { error in
      (error as? JSONSyntaxError)?.isOfSize == true
    }
  }

  @Test func `a value may be read on another thread while the parser goes on`() async throws {
    let parser = JSONParser()
    var sums: [Int64] = []
    for round in 0..<200 {
      let value = try parser.parse(Array("[\(round),2,3]".utf8))
      async let sum = value.elements.reduce(0) { $0 + ($1.int64 ?? 0) }
      _ = try parser.parse(Array("[0,0,0]".utf8))
      sums.append(await sum)
    }
    #expect(sums == (0..<200).map { $0 + 5 })
  }
}
