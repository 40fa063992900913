internal import LMDB
internal import QuotaModel

/// Reads the variable part of a record from front to back; running past the end throws.
struct RecordReader: ~Escapable {
  let bytes: RawSpan
  private(set) var offset: Int
  private let end: Int

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

  /// Whether something is so, or follows: 1 or 0 and nothing else, so that every fact has one form.
  @_lifetime(self: copy self)
  mutating func flag() throws(RecordDamage) -> Bool {
    switch try byte() {
    case 0: false
    case 1: true
    default: throw .malformed
    }
  }

  @_lifetime(self: copy self)
  mutating func word() throws(RecordDamage) -> UInt64 { bytes.word(at: try skip(8)) }

  @_lifetime(self: copy self)
  mutating func user() throws(RecordDamage) -> UserID { bytes.user(at: try skip(16)) }

  @_lifetime(self: copy self)
  mutating func moment() throws(RecordDamage) -> Moment {
    Moment(microseconds: Int64(bitPattern: try word()))
  }

  @_lifetime(self: copy self)
  mutating func variable() throws(RecordDamage) -> TokenCount {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while true {
      let byte = try byte()
      value |= UInt64(byte & 0x7F) << shift
      if byte & 0x80 == 0 {
        // A number ends with its last digit: zeros behind it would be another form of the same.
        guard byte != 0 || shift == 0 else { throw .malformed }
        break
      }
      shift += 7
      guard shift < 63 else { throw .malformed }
    }
    guard let count = TokenCount(Int64(bitPattern: value)) else { throw .malformed }
    return count
  }

  @_lifetime(self: copy self)
  mutating func limit() throws(RecordDamage) -> TokenLimit? {
    let stored = Int64(bitPattern: try word())
    if stored == .min { return nil }
    guard let limit = TokenLimit(stored) else { throw .malformed }
    return limit
  }

  @_lifetime(self: copy self)
  mutating func textRange() throws(RecordDamage) -> Range<Int> {
    let start = try skip(2)
    let length = Int(bytes.byte(at: start)) | Int(bytes.byte(at: start + 1)) << 8
    try skip(length)
    return start + 2..<start + 2 + length
  }

  @_lifetime(self: copy self)
  mutating func text() throws(RecordDamage) -> String {
    try bytes.extracting(try textRange()).text()
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
