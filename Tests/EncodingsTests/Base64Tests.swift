import Encodings
import Testing

@Suite struct `Text in Base 64` {
  /// RFC 4648, section 10, and bytes that use the last letters.
  static let vectors: [(bytes: [UInt8], text: String)] = [
    ([], ""), (Array("f".utf8), "Zg=="), (Array("fo".utf8), "Zm8="), (Array("foo".utf8), "Zm9v"),
    (Array("foob".utf8), "Zm9vYg=="), (Array("fooba".utf8), "Zm9vYmE="),
    (Array("foobar".utf8), "Zm9vYmFy"), ([0xFB, 0xFF, 0xBF], "+/+/"), ([0xFF], "/w=="),
  ]

  @Test(arguments: vectors) func `is written and read by the standard`(
    bytes: [UInt8], text: String
  ) {
    #expect(Base64.encode(bytes) == text)
    #expect(Base64.decode(text.utf8) == bytes)
    #expect(Base64.decodeLeniently(text.utf8) == bytes)
  }

  @Test(arguments: [
    "Z", "Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "Zm8", "Zm9v=", "Zm9v====", "Zm 9v", "Zm9v\n",
    "Zm-_",
    "=", "====", "Z=g=", "Zm9vYg==Zm9v", "Zmé=",
  ]) func `is read strictly: one text for each row of bytes`(text: String) {
    #expect(Base64.decode(text.utf8) == nil)
  }

  @Test(arguments: [("Zg", "f"), ("Zg=", "f"), ("Zh==", "f"), ("Zm8", "fo"), ("Zm9v=", "foo")])
  func `is read leniently without padding and whatever the spare bits`(text: String, said: String) {
    #expect(Base64.decodeLeniently(text.utf8) == Array(said.utf8))
  }

  @Test(arguments: ["Z", "Zm9vY", "Zg===", "Z=g=", "Zm 9v", "Zm9v\n", "Zm-_"])
  func `is not read leniently where letters are wrong`(text: String) {
    #expect(Base64.decodeLeniently(text.utf8) == nil)
  }

  @Test func `comes back for every length and every byte`() {
    for count in 0...258 {
      let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 * 7 + count) }
      #expect(Base64.decode(Base64.encode(bytes).utf8) == bytes)
    }
  }
}
