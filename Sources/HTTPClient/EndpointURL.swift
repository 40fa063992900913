internal import CCurl

/// An `http` or `https` URL taken apart, so that what is added to it stands where it belongs.
public struct EndpointURL: Sendable {
  /// Without its user part and its fragment, which are never sent in a URL.
  public let text: String
  /// The name in lower case, or the address; one of IPv6 without brackets.
  let host: String
  let port: UInt16
  /// The user part, decoded.
  public let user: String?
  public let password: String?
  /// What stands behind the question mark, as it came.
  public let query: String?

  /// - Parameter suffix: is added to the path; slashes between the two are made one.
  /// Answers nil where the text is no absolute URL of these kinds.
  public init?(_ text: String, appending suffix: String = "") {
    guard RequestRules.isUsable(url: text), let parts = unsafe curl_url() else { return nil }
    defer { unsafe curl_url_cleanup(parts) }
    guard unsafe curl_url_set(parts, CURLUPART_URL, text, 0) == CURLUE_OK else { return nil }
    let decoded = UInt32(CURLU_URLDECODE)
    unsafe user = Self.part(CURLUPART_USER, of: parts, decoded)
    unsafe password = Self.part(CURLUPART_PASSWORD, of: parts, decoded)
    unsafe query = Self.part(CURLUPART_QUERY, of: parts)
    guard let host = unsafe Self.part(CURLUPART_HOST, of: parts),
      let port = unsafe Self.part(CURLUPART_PORT, of: parts, UInt32(CURLU_DEFAULT_PORT))
        .flatMap({ UInt16($0) })
    else { return nil }
    self.host = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host.lowercased()
    self.port = port
    for part in [CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_OPTIONS, CURLUPART_FRAGMENT] {
      guard unsafe curl_url_set(parts, part, nil, 0) == CURLUE_OK else { return nil }
    }
    if !suffix.isEmpty {
      let path = unsafe Self.part(CURLUPART_PATH, of: parts) ?? ""
      let whole = Self.join(path, suffix)
      guard unsafe curl_url_set(parts, CURLUPART_PATH, whole, 0) == CURLUE_OK else { return nil }
    }
    guard let url = unsafe Self.part(CURLUPART_URL, of: parts) else { return nil }
    self.text = url
  }

  private static func join(_ path: String, _ suffix: String) -> String {
    var path = path
    while path.hasSuffix("/") { path.removeLast() }
    return path + suffix
  }

  private static func part(
    _ part: CURLUPart, of parts: OpaquePointer, _ flags: UInt32 = 0
  ) -> String? {
    var text: UnsafeMutablePointer<CChar>?
    guard unsafe curl_url_get(parts, part, &text, flags) == CURLUE_OK, let text = unsafe text else {
      return nil
    }
    defer { unsafe curl_free(text) }
    return unsafe String(cString: text)
  }
}
