/// Puts bodies into frames, in the only spelling that every client reads: one header, these capitals,
/// nothing behind the body (session-limits contract, 4.2).
public enum FrameWriter {
  /// Appends one whole frame.
  public static func append(_ body: [UInt8], to output: inout [UInt8]) {
    output += "Content-Length: \(body.count)\r\n\r\n".utf8
    output += body
  }
}
