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
///                    the body, by kind
///                 8  XXH3-64 over everything before
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
  /// Stands for "no mode of its own".
  static let noMode: UInt8 = 0xFF
  /// The bits of the first eight bytes that mean nothing in format 1: flags and the two zeros.
  static let unusedHeaderBits: UInt64 = 0xFFFF_F800_0000_0000

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
