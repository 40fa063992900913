/// What becomes of a request: a head, any number of body parts, and an end; or a failure anywhere.
///
/// ``end`` and ``failed(_:)`` come last and once.
public enum ResponseEvent: Sendable {
  /// Names are in small letters; a field that came twice is there twice.
  case head(status: Int, headers: [(name: String, value: String)])
  /// Bytes as they came, never none; how they are cut means nothing.
  case body([UInt8])
  case end
  case failed(HTTPClientFailure)
}
