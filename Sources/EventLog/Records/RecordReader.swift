internal import LMDB
internal import QuotaModel

/// Reads the variable part of a record from front to back; running past the end throws.
struct RecordReader: ~Escapable {
  let bytes: RawSpan
  private(set) var offset: Int
  private let end: Int
  /// The object that is being read.
  var scope = Scope(rest: 0)

  struct Scope {
    /// Which of the members to come are there that may be missing; the next is the lowest.
    var rest: UInt64
  }

  @_lifetime(copy bytes)
  init(_ bytes: RawSpan, from offset: Int, to end: Int) {
    self.bytes = bytes
    self.offset = offset
    self.end = end
  }

  var isAtEnd: Bool { offset == end }

  @discardableResult
  @_lifetime(self: copy self)
  mutating func skip(_ count: Int) throws(RecordDamage) -> Int {
    guard end - offset >= count else { throw .malformed }
    defer { offset += count }
    return offset
  }

  @_lifetime(self: copy self)
  mutating func byte() throws(RecordDamage) -> UInt8 { bytes.byte(at: try skip(1)) }

  @_lifetime(self: copy self)
  mutating func word() throws(RecordDamage) -> UInt64 { bytes.word(at: try skip(8)) }

  @_lifetime(self: copy self)
  mutating func user() throws(RecordDamage) -> UserID { bytes.user(at: try skip(16)) }

  @_lifetime(self: copy self)
  mutating func moment() throws(RecordDamage) -> Moment {
    Moment(microseconds: Int64(bitPattern: try word()))
  }

  @_lifetime(self: copy self)
  mutating func variable() throws(RecordDamage) -> UInt64 {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while true {
      let byte = try byte()
      // The tenth byte has room for one bit.
      guard shift < 63 || byte <= 1 else { throw .malformed }
      value |= UInt64(byte & 0x7F) << shift
      if byte & 0x80 == 0 {
        // A number ends with its last digit: zeros behind it would be another form of the same.
        guard byte != 0 || shift == 0 else { throw .malformed }
        return value
      }
      shift += 7
    }
  }

  @_lifetime(self: copy self)
  mutating func textRange() throws(RecordDamage) -> Range<Int> {
    let start = try skip(2)
    let length = Int(bytes.byte(at: start)) | Int(bytes.byte(at: start + 1)) << 8
    try skip(length)
    return start + 2..<start + 2 + length
  }

  /// Begins with the bits of the members that may be missing.
  @_lifetime(self: copy self)
  mutating func beginScope() throws(RecordDamage) {
    scope = Scope(rest: try variable())
  }

  /// Bits that are left speak of members that nobody here knows.
  @_lifetime(self: copy self)
  mutating func endScope() throws(RecordDamage) {
    guard scope.rest == 0 else { throw .unknownMember }
  }

  @_lifetime(self: copy self)
  mutating func nextBit() -> Bool {
    defer { scope.rest >>= 1 }
    return scope.rest & 1 == 1
  }
}

extension RawSpan {
  func user(at offset: Int) -> UserID {
    UserID(high: word(at: offset).byteSwapped, low: word(at: offset + 8).byteSwapped)
  }

  func text() throws(RecordDamage) -> String {
    let text = unsafe withUnsafeBytes { unsafe String(validating: $0, as: UTF8.self) }
    guard let text else { throw .malformed }
    return text
  }
}
