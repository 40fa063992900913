/// The target of a request line, in whichever of its forms (RFC 9112, section 3.2).
struct RequestTarget: Equatable {
  let path: String
  let query: String?
  /// Where the authority of an absolute form lies in the head; it takes the place of `Host`.
  let authority: Range<Int>?

  /// Reads the target at `range` of a head's text.
  init(_ text: [UInt8], _ range: Range<Int>, method: HTTPMethod) throws(Refusal) {
    let target = text[range]
    authority = try Self.authority(of: target, method: method)
    let local = target[(authority?.upperBound ?? target.startIndex)...]
    let end = local.firstIndex(of: UInt8(ascii: "?")) ?? local.endIndex
    let path = local[..<end]
    self.path = path.isEmpty ? "/" : String(decoding: path, as: UTF8.self)
    query = end == local.endIndex ? nil : String(decoding: local[(end + 1)...], as: UTF8.self)
    if local.contains(UInt8(ascii: "#")) { throw .malformed("a fragment in its target") }
  }

  /// Nil for a target without an authority, which is a path or the asterisk of OPTIONS.
  private static func authority(
    of target: ArraySlice<UInt8>, method: HTTPMethod
  ) throws(Refusal) -> Range<Int>? {
    if target.first == UInt8(ascii: "/") { return nil }
    if method == .options, target.elementsEqual("*".utf8) { return nil }
    for scheme in ["http://", "https://"] {
      guard target.prefix(scheme.utf8.count).equalsIgnoringCase(scheme) else { continue }
      let rest = target.dropFirst(scheme.utf8.count)
      let end = rest.firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") }
      return rest.startIndex..<(end ?? rest.endIndex)
    }
    throw .malformed("no request target it could have")
  }
}
