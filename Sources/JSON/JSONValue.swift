import CSimdJSON

/// A value of a parsed document, valid as long as it is held.
///
/// A value keeps its whole document in memory: copy out what has to live long.
public struct JSONValue: Sendable {
  /// The six kinds of RFC 8259.
  public enum Kind: Hashable, Sendable {
    case null, boolean, number, string, array, object
  }

  let document: JSONDocument
  let index: UInt32

  public var kind: Kind {
    switch unsafe csj_node_kind(document.tape, index) {
    case .null: .null
    case .false, .true: .boolean
    case .number: .number
    case .string: .string
    case .array: .array
    case .object: .object
    }
  }

  public var bool: Bool? {
    switch unsafe csj_node_kind(document.tape, index) {
    case .true: true
    case .false: false
    case .null, .number, .string, .array, .object: nil
    }
  }

  /// The string with its escapes resolved.
  public var string: String? {
    unsafe withStringBytes { unsafe String(decoding: $0, as: UTF8.self) }
  }

  /// A number exactly as it was written.
  public var numberText: String? {
    unsafe withNumberBytes { unsafe String(decoding: $0, as: UTF8.self) }
  }

  /// The value of a number written as `-?digits` that fits 64 bits; `1.0` and `1e3` are none.
  public var int64: Int64? {
    var result: Int64 = 0
    return unsafe csj_read_int64(document.tape, index, &result) ? result : nil
  }

  /// The value's text in the document, from its first byte to its last, space inside included.
  public var sourceText: [UInt8] {
    unsafe withSourceBytes { unsafe [UInt8]($0) }
  }

  /// Whether this is a string of exactly these bytes; nothing is normalised, nothing allocated.
  public func stringEquals(_ other: StaticString) -> Bool {
    other.withUTF8Buffer {
      unsafe csj_string_equals(document.tape, index, $0.baseAddress, $0.count)
    }
  }
}

extension JSONValue {
  /// Calls `body` with a string's UTF-8, escapes resolved; nil for other kinds.
  public func withStringBytes<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result? {
    guard kind == .string else { return nil }
    return try unsafe lend(csj_string(document.tape, index), to: body)
  }

  /// Calls `body` with a number's exact text; nil for other kinds.
  public func withNumberBytes<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result? {
    guard kind == .number else { return nil }
    return try unsafe withSourceBytes(body)
  }

  /// Calls `body` with `sourceText`, without a copy.
  public func withSourceBytes<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try unsafe lend(csj_source(document.tape, index), to: body)
  }

  /// The slice lies in the document, which must not go before `body` ends.
  private func lend<Result, Failure: Error>(
    _ slice: csj_slice, to body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    defer { extendLifetime(document) }
    return try unsafe body(UnsafeRawBufferPointer(start: slice.bytes, count: slice.length))
  }
}
