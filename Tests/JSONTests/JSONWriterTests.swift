import JSON
import Testing

@Suite("The JSON writer")
struct JSONWriterTests {
  @Test func `commas and colons are placed by the writer`() {
    var writer = JSONWriter()
    writer.beginObject()
    writer.name("a")
    writer.integer(1)
    writer.name("b" as String)
    writer.beginArray()
    writer.null()
    writer.bool(true)
    writer.bool(false)
    writer.beginArray()
    writer.endArray()
    writer.beginObject()
    writer.endObject()
    writer.string("x")
    writer.endArray()
    writer.name("c")
    writer.raw(Array("[1,2]".utf8))
    writer.name("d")
    writer.string(utf8: Array("y".utf8))
    writer.endObject()
    #expect(text(writer) == #"{"a":1,"b":[null,true,false,[],{},"x"],"c":[1,2],"d":"y"}"#)
  }

  @Test func `a member is a name and its value, or null`() {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("a", "x\"y")
    writer.member("b", true)
    writer.member("c", UInt64.max)
    writer.member("d", optional: "z")
    writer.member("e", optional: nil as String?)
    writer.member("f", optional: -1)
    writer.member("g", optional: nil as UInt8?)
    writer.endObject()
    #expect(
      text(writer)
        == #"{"a":"x\"y","b":true,"c":18446744073709551615,"d":"z","e":null,"f":-1,"g":null}"#)
  }

  @Test func `lines stand for themselves`() {
    var writer = JSONWriter()
    for number in 1...2 {
      writer.beginArray()
      writer.integer(number)
      writer.endArray()
      writer.newline()
    }
    #expect(text(writer) == "[1]\n[2]\n")
  }

  @Test func `bytes are taken once`() {
    var writer = JSONWriter()
    writer.reserveCapacity(100)
    writer.integer(1)
    #expect(writer.take() == Array("1".utf8))
    writer.integer(2)
    #expect(text(writer) == "2")
    writer.removeAll()
    writer.integer(3)
    #expect(text(writer) == "3")
  }

  @Test(arguments: [
    ("", #""""#), ("plain", #""plain""#), ("\"\\/", #""\"\\/""#),
    ("\u{8}\t\n\u{C}\r", #""\b\t\n\f\r""#), ("\0\u{1}\u{B}\u{1F}", #""\u0000\u0001\u000b\u001f""#),
    ("\u{7F}é漢😀\u{2028}", "\"\u{7F}é漢😀\u{2028}\""), ("12345678\n", #""12345678\n""#),
    ("1234567\n9", #""1234567\n9""#), ("\n\n", #""\n\n""#), ("a b!#[]^", #""a b!#[]^""#),
  ])
  func `only what RFC 8259 demands is escaped`(string: String, expected: String) {
    var writer = JSONWriter()
    writer.beginArray()
    writer.string(string)
    writer.beginObject()
    writer.name(string)
    writer.string(utf8: Array(string.utf8))
    writer.endObject()
    writer.endArray()
    #expect(text(writer) == "[\(expected),{\(expected):\(expected)}]")
  }

  @Test func `every byte is escaped or not at every place of a word`() throws {
    for scalar in (0..<0x180).compactMap(Unicode.Scalar.init) {
      for before in 0..<10 {
        let string = String(repeating: "a", count: before) + String(scalar) + "bcdefghij"
        var writer = JSONWriter()
        writer.string(string)
        #expect(try JSONParser().parse(writer.bytes).string == string)
      }
    }
  }

  @Test func `integers of every width are written in full`() {
    var writer = JSONWriter()
    writer.beginArray()
    writer.integer(Int8.min)
    writer.integer(UInt8.max)
    writer.integer(Int64.min)
    writer.integer(Int64.max)
    writer.integer(UInt64.max)
    writer.integer(Int128.min)
    writer.integer(UInt128.max)
    writer.endArray()
    #expect(
      text(writer)
        == "[-128,255,\(Int64.min),\(Int64.max),\(UInt64.max),\(Int128.min),\(UInt128.max)]")
  }

  @Test func `integers beside every power of ten are right`() {
    var power: UInt64 = 1
    while true {
      for value in [power - 1, power, power + 1] {
        var writer = JSONWriter()
        writer.integer(value)
        #expect(text(writer) == String(value))
      }
      let (next, overflow) = power.multipliedReportingOverflow(by: 10)
      if overflow { break }
      power = next
    }
  }

  private func text(_ writer: JSONWriter) -> String {
    String(decoding: writer.bytes, as: UTF8.self)
  }
}
