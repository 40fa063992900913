internal import CCurl

extension HTTPClientFailure {
  /// What a finished transfer's code says; nil if all went well.
  ///
  /// libcurl's own time limit is the one for connecting; the others are kept by ``Transfer``.
  init?(_ code: CURLcode) {
    switch code {
    case CURLE_OK: return nil
    case CURLE_URL_MALFORMAT: self = .unusableURL
    case CURLE_COULDNT_RESOLVE_HOST: self = .unresolvableName
    case CURLE_COULDNT_CONNECT: self = .cannotConnect
    case CURLE_OPERATION_TIMEDOUT: self = .timedOut(.connect)
    case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_ISSUER_ERROR, CURLE_SSL_INVALIDCERTSTATUS:
      self = .untrustedCertificate
    case CURLE_SSL_CONNECT_ERROR, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_CIPHER,
      CURLE_SSL_ENGINE_INITFAILED, CURLE_SSL_CERTPROBLEM:
      self = .noSecureConnection
    case CURLE_GOT_NOTHING, CURLE_RECV_ERROR, CURLE_SEND_ERROR, CURLE_PARTIAL_FILE:
      self = .brokenOff
    case CURLE_WEIRD_SERVER_REPLY, CURLE_UNSUPPORTED_PROTOCOL, CURLE_BAD_CONTENT_ENCODING:
      self = .malformedAnswer
    case CURLE_OUT_OF_MEMORY: self = .outOfMemory
    default: self = .other(code: Int32(bitPattern: code.rawValue))
    }
  }
}
