public import EventLoop

/// Why a request was not sent or has no whole answer.
///
/// The description is one sentence that may be shown and logged: it holds nothing of the request.
public enum HTTPClientFailure: Error, Hashable, Sendable {
  /// The request cannot be sent as it is; nothing has been.
  case unusableURL
  case unusableMethod
  /// The header field at this place, counted from 0.
  case unusableHeader(index: Int)
  /// As many requests as the limits allow are under way; try again later.
  case tooManyExchanges

  /// Every address of the server is one that the request must not go to; nobody was asked.
  case forbiddenAddress
  case unresolvableName
  case cannotConnect
  /// No protected connection came about, for another reason than the certificate.
  case noSecureConnection
  /// The server's certificate is not trusted, has run out, or is for another name.
  case untrustedCertificate
  case timedOut(Wait)
  /// The answer ended before it was whole.
  case brokenOff
  /// What came is not HTTP.
  case malformedAnswer
  case headTooLarge
  case bodyTooLarge

  case outOfMemory
  case loop(EventLoopFailure)
  /// libcurl gave up with this `CURLcode`, for a reason that none of the others names.
  case other(code: Int32)

  /// What took too long.
  public enum Wait: Hashable, Sendable {
    case connect, silence, whole
  }
}

extension HTTPClientFailure: CustomStringConvertible {
  public var description: String {
    switch self {
    case .unusableURL: "The address is not an absolute http or https URL."
    case .unusableMethod: "The request method is not a token."
    case .unusableHeader(let index):
      "Header field \(index + 1) of the request has characters that no header field may have."
    case .tooManyExchanges: "Too many requests to other servers are under way."
    case .forbiddenAddress: "The server's address is not a public one."
    case .unresolvableName: "The server's name could not be resolved."
    case .cannotConnect: "The server could not be connected to."
    case .noSecureConnection: "No TLS connection to the server could be set up."
    case .untrustedCertificate: "The server's TLS certificate could not be verified."
    case .timedOut(.connect): "Connecting to the server took too long."
    case .timedOut(.silence): "The server was silent for too long."
    case .timedOut(.whole): "The server's answer took too long."
    case .brokenOff: "The connection ended before the server's answer was complete."
    case .malformedAnswer: "The server did not answer in HTTP."
    case .headTooLarge: "The head of the server's answer is too large."
    case .bodyTooLarge: "The server's answer is too large."
    case .outOfMemory: "There was not enough memory for the request."
    case .loop: "The system refused what the request needs."
    case .other(let code): "The request failed (libcurl error \(code))."
    }
  }
}
