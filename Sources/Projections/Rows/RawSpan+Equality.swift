extension RawSpan {
  /// Whether the bytes are the same.
  func equals(_ other: RawSpan) -> Bool {
    guard byteCount == other.byteCount else { return false }
    return unsafe withUnsafeBytes { mine in
      unsafe other.withUnsafeBytes { unsafe mine.elementsEqual($0) }
    }
  }
}
