/// Why what a client sent is no frame; nothing that follows can be read.
public enum FrameFault: Error, Hashable, Sendable {
  /// The header lines of a frame are longer than this many bytes.
  case headTooLong(limit: Int)
  /// A line is no header.
  case malformedHeader
  case missingLength
  /// `Content-Length` is no decimal number.
  case malformedLength
  /// Two headers state different lengths.
  case conflictingLengths
  /// The frame announces a body of more than this many bytes.
  case bodyTooLong(limit: Int)
}

extension FrameFault: CustomStringConvertible {
  public var description: String {
    switch self {
    case .headTooLong(let limit): "the headers of a frame exceed \(limit) bytes"
    case .malformedHeader: "a line is no header"
    case .missingLength: "a frame has no Content-Length"
    case .malformedLength: "a Content-Length is no decimal number"
    case .conflictingLengths: "a frame has two different Content-Length headers"
    case .bodyTooLong(let limit): "a frame announces more than \(limit) bytes"
    }
  }
}
