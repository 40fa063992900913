extension HTTPClient {
  /// Whether requests can go to this URL: an absolute `http` or `https` one.
  public static func accepts(url: String) -> Bool { RequestRules.isUsable(url: url) }
}
