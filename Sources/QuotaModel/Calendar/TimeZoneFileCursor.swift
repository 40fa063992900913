/// Reads big-endian numbers from the bytes of a TZif file, and stops with an error at their end.
struct TimeZoneFileCursor {
  private let bytes: [UInt8]
  private var offset = 0

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
  }

  var isAtEnd: Bool { offset == bytes.count }

  /// At least `count` more bytes.
  func require(_ count: Int) throws(TimeZoneFormatError) {
    guard count <= bytes.count - offset else { throw .truncated }
  }

  mutating func skip(_ count: Int) throws(TimeZoneFormatError) {
    try require(count)
    offset += count
  }

  mutating func byte() throws(TimeZoneFormatError) -> UInt8 {
    try require(1)
    defer { offset += 1 }
    return bytes[offset]
  }

  /// A count of 32 bits without a sign.
  mutating func count() throws(TimeZoneFormatError) -> Int {
    Int(try integer(size: 4) & 0xffff_ffff)
  }

  /// A two's complement number of four or eight bytes.
  mutating func integer(size: Int) throws(TimeZoneFormatError) -> Int64 {
    var number: Int64 = 0
    for index in 0..<size {
      let byte = try byte()
      number = index == 0 ? Int64(Int8(bitPattern: byte)) : number << 8 | Int64(byte)
    }
    return number
  }
}
