internal import Glibc

/// Bytes as keys and values are passed. Safe, because a byte has no padding.
extension [UInt8] {
  public var rawBytes: RawSpan {
    @_lifetime(borrow self)
    get { unsafe span.bytes }
  }

  /// A copy of borrowed bytes.
  public init(copying bytes: RawSpan) {
    self = unsafe bytes.withUnsafeBytes { unsafe Array($0) }
  }
}

extension InlineArray where Element == UInt64 {
  /// The words as they lie in memory: little-endian on every machine that this runs on.
  public var rawBytes: RawSpan {
    @_lifetime(borrow self)
    get { unsafe span.bytes }
  }
}

extension InlineArray where Element == UInt8 {
  public var rawBytes: RawSpan {
    @_lifetime(borrow self)
    get { unsafe span.bytes }
  }
}

extension RawSpan {
  /// The byte at `offset`; out of bounds is a bug.
  @inlinable
  public func byte(at offset: Int) -> UInt8 {
    unsafe unsafeLoad(fromByteOffset: offset, as: UInt8.self)
  }

  /// The eight bytes at `offset` as a little-endian integer; out of bounds is a bug.
  @inlinable
  public func word(at offset: Int) -> UInt64 {
    unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self).littleEndian
  }

  /// The four bytes at `offset` as a little-endian integer; out of bounds is a bug.
  @inlinable
  public func halfWord(at offset: Int) -> UInt32 {
    unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self).littleEndian
  }

  /// The two bytes at `offset` as a little-endian integer; out of bounds is a bug.
  func shortWord(at offset: Int) -> UInt16 {
    unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: UInt16.self).littleEndian
  }
}

extension RawSpan {
  /// Whether a table has these bytes before `other`, where both are keys: byte by byte, the shorter
  /// one first.
  public func precedes(_ other: RawSpan) -> Bool {
    let order = order(to: other, over: min(byteCount, other.byteCount))
    return order == 0 ? byteCount < other.byteCount : order < 0
  }

  /// Whether both are the same bytes.
  public func equals(_ other: RawSpan) -> Bool {
    byteCount == other.byteCount && order(to: other, over: byteCount) == 0
  }

  /// Below, equal to or above zero as the first `count` bytes come before those of `other`.
  private func order(to other: RawSpan, over count: Int) -> Int32 {
    unsafe withUnsafeBytes { mine in
      unsafe other.withUnsafeBytes { theirs in
        guard let mine = mine.baseAddress, let theirs = theirs.baseAddress else {
          return 0
        }
        return unsafe memcmp(mine, theirs, count)
      }
    }
  }
}

extension [UInt8] {
  /// Appends the bytes of `value`, the least significant first.
  @inlinable
  public mutating func appendInteger(_ value: some FixedWidthInteger) {
    unsafe Swift.withUnsafeBytes(of: value.littleEndian) { unsafe append(contentsOf: $0) }
  }
}
