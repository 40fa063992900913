internal import CXXHash

/// The layout of a record, format 1. All integers are little-endian.
///
///     offset  bytes
///          0      2  length of the whole record, checksum included
///          2      1  format version, 1
///          3      1  event kind
///          4      1  actor: 0 the service, 1 the operator, 2 a user
///          5      1  bit 0: a request id follows; bit 1: a reason follows; bit 2: a clock follows
///          6      2  zero
///          8      8  position
///         16      8  recorded at, microseconds since 1970
///         24      8  happened at, microseconds since 1970
///         32     16  the actor's UUID, big-endian, where the actor is a user
///                 8  what the clock showed, microseconds since 1970, where bit 2 says so
///                 2  length of the request id, and its bytes, where bit 0 says so
///                 2  length of the reason, and its bytes, where bit 1 says so
///                    the body: which members are there, and the members, as the fact describes itself
///                 8  XXH3-64 over everything before
///
/// An object - a body, or an element of a list of objects - begins with a number that has a bit for each
/// member that may be missing, in their order from the lowest: set where it is there. Where a member may also say
/// "nothing", a further bit says that it has a value. Something that is so or not is a bit and no more. The
/// members follow in their order, without names:
///
///     number        seven bits a byte, the least significant first, the high bit where another follows; one
///                   that may be negative as 0, -1, 1, -2 … from 0 on
///     time          8 bytes, microseconds since 1970
///     UUID          16 bytes, big-endian
///     text          2 bytes of length, and its bytes
///     hexadecimal   8 bytes for each 16 digits, big-endian
///     one of a few  1 byte
///     true, false   1 byte, 1 or 0
///     list          a number of elements, and the elements
enum RecordFormat {
  static let version: UInt8 = 1
  static let headerByteCount = 32
  static let checksumByteCount = 8
  static let minimumByteCount = headerByteCount + checksumByteCount
  /// A record fits in one chunk of the log, and a chunk in one page.
  static let maximumByteCount = 4072

  static let hasRequestID: UInt8 = 1
  static let hasReason: UInt8 = 2
  static let hasClock: UInt8 = 4
  /// The bits of the first eight bytes that mean nothing in format 1: flags and the two zeros.
  static let unusedHeaderBits: UInt64 = 0xFFFF_F800_0000_0000

  /// What stands for a number that lies in `range`.
  @inline(__always)
  static func stored<Number: FixedWidthInteger>(
    _ number: Number, in range: ClosedRange<Number>
  ) -> UInt64 {
    guard range.lowerBound < 0 else { return UInt64(truncatingIfNeeded: number) }
    let wide = Int64(truncatingIfNeeded: number)
    return UInt64(bitPattern: wide << 1 ^ wide >> 63)
  }

  /// The number that stands for it, where it lies in `range`.
  @inline(__always)
  static func read<Number: FixedWidthInteger>(
    _ stored: UInt64, in range: ClosedRange<Number>
  ) -> Number? {
    let number: Number?
    if range.lowerBound < 0 {
      number = Number(exactly: Int64(bitPattern: stored >> 1) ^ -Int64(bitPattern: stored & 1))
    } else {
      number = Number(exactly: stored)
    }
    return number.flatMap { range.contains($0) ? $0 : nil }
  }

  static func checksum(of bytes: RawSpan) -> UInt64 {
    unsafe bytes.withUnsafeBytes { unsafe XXH3_64bits($0.baseAddress, $0.count) }
  }
}

/// The actor as a record stores it.
enum ActorTag: UInt8 {
  case service = 0
  case `operator` = 1
  case user = 2
}
