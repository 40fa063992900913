internal import LMDB
internal import QuotaModel

/// A request id within the requests of one actor: the actor's number, then the id.
///
/// Most ids are UUIDs as RFC 9562 writes them, in lower case. Of those the key has a byte that is no
/// part of any text in UTF-8, and their 16 bytes instead of the 36 letters: in the same order, on
/// two thirds of the pages. Any other spelling is another id and stays the text that it is.
enum RequestKey {
  private static let uuidMark: UInt8 = 0xFF
  private static let uuidByteCount = 4 + 1 + 16
  private static let letterCount = 36

  static func append(
    _ scope: AccountNumber, _ id: RawSpan, to bytes: inout [UInt8]
  ) {
    if id.byteCount == letterCount, let uuid = uuid(of: id) {
      // Written as whole words: this is done for every event.
      let start = UInt64(scope.rawValue) << 32 | UInt64(uuidMark) << 24 | uuid.high >> 40
      let key: InlineArray<3, UInt64> = [
        start.byteSwapped, (uuid.high << 24 | uuid.low >> 40).byteSwapped,
        (uuid.low << 24).byteSwapped,
      ]
      unsafe key.rawBytes.extracting(first: uuidByteCount).withUnsafeBytes {
        unsafe bytes.append(contentsOf: $0)
      }
    } else {
      bytes.appendInteger(scope.rawValue.byteSwapped)
      unsafe id.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
    }
  }

  static func append(
    _ scope: AccountNumber, _ id: RequestID, to bytes: inout [UInt8]
  ) {
    let text = id.description
    append(scope, unsafe text.utf8.span.bytes, to: &bytes)
  }

  /// The id that a key has behind the actor's number, as the client wrote it.
  static func text(of key: [UInt8]) -> String {
    guard key.count == uuidByteCount, key[4] == uuidMark else {
      return String(decoding: key.dropFirst(4), as: UTF8.self)
    }
    return key.rawBytes.user(at: 5).description
  }

  /// The UUID that 36 letters spell; nil where they spell none, or not with lower-case digits.
  private static func uuid(of letters: RawSpan) -> (high: UInt64, low: UInt64)? {
    let hyphens: UInt64 = 0x2D2D_2D2D
    let found =
      UInt64(letters.byte(at: 8)) | UInt64(letters.byte(at: 13)) << 8
      | UInt64(letters.byte(at: 18)) << 16 | UInt64(letters.byte(at: 23)) << 24
    // One test at the end instead of one for each part: nearly all ids pass.
    var fault = found ^ hyphens
    let first = number(letters.word(at: 0), &fault)
    let second = number(
      UInt64(letters.halfWord(at: 9)) | UInt64(letters.halfWord(at: 14)) << 32, &fault)
    let third = number(
      UInt64(letters.halfWord(at: 19)) | UInt64(letters.halfWord(at: 24)) << 32, &fault)
    let fourth = number(letters.word(at: 28), &fault)
    return fault == 0 ? (first << 32 | second, third << 32 | fourth) : nil
  }

  /// The number of eight hexadecimal digits, the first of them in the lowest byte, all at once; `fault`
  /// is no longer zero where one is none.
  @inline(__always)
  private static func number(_ digits: UInt64, _ fault: inout UInt64) -> UInt64 {
    let each: UInt64 = 0x0101_0101_0101_0101
    // Letters have bit 6, and their low half is 9 less than their value.
    let values = (digits & (each &* 0x0F)) &+ (digits >> 6 & each) &* 9
    // The digits that these values have; other letters of the same low half part from them.
    let isLetter = (values &+ each &* 6) >> 4 & each
    fault |= values & (each &* 0xF0)
    fault |= (values &+ each &* 0x30 &+ isLetter &* 0x27) ^ digits
    var number = values.byteSwapped
    number = (number | number >> 4) & 0x00FF_00FF_00FF_00FF
    number = (number | number >> 8) & 0x0000_FFFF_0000_FFFF
    return (number | number >> 16) & 0xFFFF_FFFF
  }
}
