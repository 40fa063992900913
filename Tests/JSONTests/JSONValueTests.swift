import JSON
import Testing

@Suite("A JSON value")
struct JSONValueTests {
  @Test func `kinds are told apart`() throws {
    let value = try parse(#"[null,true,false,1,"a",[],{}]"#)
    #expect(
      value.elements.map(\.kind)
        == [.null, .boolean, .boolean, .number, .string, .array, .object])
    #expect(value.elements.map(\.bool) == [nil, true, false, nil, nil, nil, nil])
    #expect(value.elements.map(\.string) == [nil, nil, nil, nil, "a", nil, nil])
    #expect(value.elements.map(\.numberText) == [nil, nil, nil, "1", nil, nil, nil])
    #expect(value.elements.map(\.count) == [0, 0, 0, 0, 0, 0, 0])
  }

  @Test(arguments: [
    "0", "-0", "8", "8.0", "-1.0", "1e3", "1E+03", "9223372036854775808", "18446744073709551616",
    "1e20", "0.10", "-0.0",
  ])
  func `a number keeps its exact text`(text: String) throws {
    #expect(try parse("[\(text) ]").elements.map(\.numberText) == [text])
  }

  @Test(
    arguments: [
      ("0", 0), ("-0", 0), ("17", 17), ("-1", -1), ("9007199254740991", 9_007_199_254_740_991),
      ("9223372036854775807", .max), ("-9223372036854775808", .min), ("9223372036854775808", nil),
      ("-9223372036854775809", nil), ("18446744073709551617", nil), ("99999999999999999999", nil),
      ("1.0", nil), ("1e3", nil), ("0e0", nil), (#""1""#, nil), ("true", nil), ("[1]", nil),
    ] as [(String, Int64?)])
  func `only an integer literal in range is an integer`(text: String, expected: Int64?) throws {
    #expect(try parse(text).int64 == expected)
  }

  @Test(arguments: [
    (#""""#, ""), (#""plain""#, "plain"), (#""\u0000""#, "\0"), (#""a\nb""#, "a\nb"),
    (#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{C}\n\r\t"), (#""\u00e9\u00E9""#, "éé"),
    (#""\ud83d\ude00!""#, "😀!"), (#""\uD800\uDC00\udbff\udfff""#, "\u{10000}\u{10FFFF}"),
    (#""\u007f\u0080\u07ff\u0800\uffff""#, "\u{7F}\u{80}\u{7FF}\u{800}\u{FFFF}"),
    ("\"é漢😀\"", "é漢😀"), (#""\\u0041""#, #"\u0041"#),
  ])
  func `escapes are resolved`(text: String, expected: String) throws {
    let value = try parse(text)
    let string = try #require(value.string)
    #expect(Array(string.utf8) == Array(expected.utf8))
    #expect(value.sourceText == Array(text.utf8))
  }

  @Test func `strings are compared byte by byte`() throws {
    #expect(try parse(#""tokens""#).stringEquals("tokens"))
    #expect(try parse(#""t\u006fkens""#).stringEquals("tokens"))
    #expect(try !parse(#""token""#).stringEquals("tokens"))
    #expect(try !parse(#""e\u0301""#).stringEquals("é"))
    #expect(try parse(#""""#).stringEquals(""))
    #expect(try parse(#""a""#).stringEquals("a"))
    #expect(try !parse("1").stringEquals("1"))
  }

  @Test func `of duplicate members the last wins and all are listed`() throws {
    let value = try parse(#"{"a":1,"b":[{"a":9}],"\u0061":2,"":3}"#)
    #expect(value["a"]?.int64 == 2)
    #expect(value[""]?.int64 == 3)
    #expect(value["c"] == nil)
    #expect(value.count == 4)
    #expect(value.members.map(\.name) == ["a", "b", "a", ""])
    #expect(value.members.map(\.value.kind) == [.number, .array, .number, .number])
  }

  @Test(
    arguments: [("gen_ai.usage.input_tokens", 1), ("é", 2), ("", 3), ("x", nil)]
      as [(String, Int64?)])
  func `a name known only at run time finds the same member`(
    name: String, expected: Int64?
  ) throws {
    let value = try parse(#"{"gen_ai.usage.input_tokens":1,"é":2,"":3}"#)
    #expect(value[name]?.int64 == expected)
  }

  @Test func `members and elements are found behind nested values`() throws {
    let value = try parse(#"{"a":{"x":[1,[2,{"y":3}]]},"b":[[],{}],"c":"d"}"#)
    #expect(value["c"]?.string == "d")
    #expect(value["a"]?["x"]?.elements.map(\.kind) == [.number, .array])
    #expect(value["b"]?.count == 2)
    #expect(value["x"] == nil)
    #expect(value["b"]?["x"] == nil)
  }

  @Test func `containers give their source slice`() throws {
    let value = try parse(#" { "a" : [ 1 , {"b": 2 } ] , "c" : 3 } "#)
    #expect(value.sourceText == Array(#"{ "a" : [ 1 , {"b": 2 } ] , "c" : 3 }"#.utf8))
    #expect(value["a"]?.sourceText == Array(#"[ 1 , {"b": 2 } ]"#.utf8))
    #expect(value["c"]?.sourceText == Array("3".utf8))
  }

  @Test func `only objects have members and only arrays elements`() throws {
    for text in ["[1]", "1", #""a""#, "null"] {
      #expect(try Array(parse(text).members).isEmpty)
      #expect(try parse(text)["a"] == nil)
    }
    for text in [#"{"a":1}"#, "1", #""a""#, "null"] {
      #expect(try Array(parse(text).elements).isEmpty)
    }
  }

  @Test func `bytes are lent for strings and numbers`() throws {
    let value = try parse(#"["a\tb",1.50]"#)
    let strings = value.elements.map { unsafe $0.withStringBytes { unsafe Array($0) } }
    let numbers = value.elements.map { unsafe $0.withNumberBytes { unsafe Array($0) } }
    #expect(strings == [Array("a\tb".utf8), nil])
    #expect(numbers == [nil, Array("1.50".utf8)])
  }
}
