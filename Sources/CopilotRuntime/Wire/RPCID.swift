public import JSON

/// The id of a client's request, which its answer repeats in the same JSON type and with the same value.
///
/// JSON-RPC 2.0 allows a string, a number and, reluctantly, null. Numbers keep their very text, so that
/// neither `1.0` nor an integer beyond 64 bits changes on its way.
public struct RPCID: Hashable, Sendable {
  /// The id as JSON. Equal strings have equal bytes here, however they were escaped.
  public let json: [UInt8]

  static let null = RPCID(json: Array("null".utf8))

  /// Nil for what JSON-RPC does not allow as an id.
  public init?(_ value: JSONValue) {
    switch value.kind {
    case .string:
      var writer = JSONWriter()
      _ = unsafe value.withStringBytes { unsafe writer.string(utf8: $0) }
      self.init(json: writer.take())
    case .number, .null: self.init(json: value.sourceText)
    case .boolean, .array, .object: return nil
    }
  }

  private init(json: [UInt8]) {
    self.json = json
  }
}

extension RPCID: CustomStringConvertible {
  public var description: String { String(decoding: json, as: UTF8.self) }
}
