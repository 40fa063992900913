internal import CCurl

extension EasyHandle {
  /// Describes the request and how it is to be made.
  func prepare(
    _ request: OutgoingRequest, _ rules: RequestRules, limits: HTTPClientLimits,
    authoritiesFile: String?
  ) throws(HTTPClientFailure) {
    try setManners(connectMilliseconds: limits.connectMilliseconds)
    try setTrust(authoritiesFile)
    try set(CURLOPT_URL, request.url)
    try setHeaders(rules.lines)
    switch request.method {
    case "GET" where request.body.isEmpty: try set(CURLOPT_HTTPGET, 1)
    case "HEAD" where request.body.isEmpty: try set(CURLOPT_NOBODY, 1)
    default:
      try setBody(request.body)
      try set(CURLOPT_CUSTOMREQUEST, request.method)
    }
  }

  /// What holds for every request: nothing of the environment takes part, and nothing blocks.
  private func setManners(connectMilliseconds: Int) throws(HTTPClientFailure) {
    try set(CURLOPT_PROTOCOLS_STR, "http,https")
    try set(CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1)
    try set(CURLOPT_FOLLOWLOCATION, 0)
    try set(CURLOPT_PROXY, "")
    try set(CURLOPT_CONNECTTIMEOUT_MS, connectMilliseconds)
    // Signals belong to the process, not to a library in it.
    try set(CURLOPT_NOSIGNAL, 1)
    // Otherwise giving up would wait for a name that is still being looked up.
    try set(CURLOPT_QUICK_EXIT, 1)
  }

  private func setTrust(_ authoritiesFile: String?) throws(HTTPClientFailure) {
    try set(CURLOPT_SSL_VERIFYPEER, 1)
    try set(CURLOPT_SSL_VERIFYHOST, 2)
    if let authoritiesFile { try set(CURLOPT_CAINFO, authoritiesFile) }
  }
}
