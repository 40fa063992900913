internal import CCurl

/// What a request must be before libcurl sees any of it: nothing in it can start another line.
struct RequestRules {
  /// Fields that this client decides on, because they frame the message, belong to the connection or
  /// would let the answer come in a form that nobody here reads.
  private static let ownFields: Set<String> = [
    "accept-encoding", "connection", "content-length", "expect", "host", "http2-settings",
    "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
  ]

  /// The header fields to send as lines in libcurl's notation.
  let lines: [String]

  init(_ request: OutgoingRequest) throws(HTTPClientFailure) {
    guard Self.isUsable(url: request.url) else { throw .unusableURL }
    guard Self.isToken(request.method) else { throw .unusableMethod }
    var lines = ["accept-encoding: identity", "expect:"]
    var hasContentType = false
    for (index, header) in request.headers.enumerated() {
      guard Self.isToken(header.name), Self.isFieldValue(header.value) else {
        throw .unusableHeader(index: index)
      }
      let name = header.name.lowercased()
      guard !Self.ownFields.contains(name) else { continue }
      if name == "content-type" { hasContentType = true }
      lines.append(Self.line(header.name, header.value))
    }
    // libcurl would call any body a form.
    if !hasContentType { lines.append("content-type:") }
    self.lines = lines
  }

  /// The rules for where the request may go, with the name that they speak of.
  func destination(
    of request: OutgoingRequest
  ) throws(HTTPClientFailure) -> Transfer.Destination? {
    guard let rules = request.destinations else { return nil }
    guard let url = EndpointURL(request.url) else { throw .unusableURL }
    return Transfer.Destination(rules: rules, host: url.host)
  }

  /// libcurl takes a name with nothing after the colon for a field to leave out.
  private static func line(_ name: String, _ value: String) -> String {
    value.utf8.allSatisfy { $0 == 0x20 || $0 == 0x09 } ? "\(name);" : "\(name): \(value)"
  }

  static func isUsable(url: String) -> Bool {
    let start = url.prefix(8).lowercased()
    guard start.hasPrefix("http://") || start.hasPrefix("https://") else { return false }
    guard url.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else { return false }
    guard let parts = unsafe curl_url() else { return false }
    defer { unsafe curl_url_cleanup(parts) }
    return unsafe curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK
  }

  /// RFC 9110, section 5.6.2.
  private static func isToken(_ text: String) -> Bool {
    !text.isEmpty
      && text.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"):
          true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
      }
  }

  /// RFC 9110, section 5.5: no control character but the tab.
  private static func isFieldValue(_ text: String) -> Bool {
    text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }
  }
}
