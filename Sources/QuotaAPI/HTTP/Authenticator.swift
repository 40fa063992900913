internal import HTTPServer
internal import QuotaModel
internal import QuotaService

/// Who sends a request.
struct Caller: Hashable {
  var user: UserID
  var role: Role

  var actor: Actor { .user(user) }
}

/// Why a request is nobody's; contract chat-quota, section 2.
enum Unauthenticated: Error, Hashable {
  case notProvided
  case empty
  case spaces
  case invalid
  case inactive
  case expired
  case unavailable(String)

  var text: String {
    switch self {
    case .notProvided: "Authentication credentials were not provided."
    case .empty: "Invalid token. No credentials provided."
    case .spaces: "Invalid token. Token string should not contain spaces."
    case .invalid: "Invalid token."
    case .inactive: "User inactive or deleted."
    case .expired: "Token has expired."
    case .unavailable(let reason): reason
    }
  }
}

/// Tells callers by their `Authorization` header.
///
/// Hashing a token and two look-ups for each request would cost more than answering it, so known
/// headers are remembered until somebody's rights change. Belongs to the loop's thread.
final class Authenticator {
  private static let maximumCachedCount = 4096

  private struct Known {
    /// How long the ledger is not asked again: when the clock was set back, it gives tokens another end.
    private static let maximumAgeMicroseconds: Int64 = 10_000_000

    var caller: Caller
    var expiresAt: Moment?
    var askedAt: Moment

    func isValid(at moment: Moment) -> Bool {
      let age = moment.microseconds - askedAt.microseconds
      guard (0...Self.maximumAgeMicroseconds).contains(age) else { return false }
      return expiresAt.map { moment < $0 } ?? true
    }
  }

  private let queries: Queries
  /// By the bytes of the header: texts that only look the same are not.
  private var known: [[UInt8]: Known] = [:]
  /// Who came last, and the header: a service sends the same one again and again.
  private var latest: (header: [UInt8], caller: Known)?

  init(_ queries: Queries) { self.queries = queries }

  /// Forgets everybody: rights have changed.
  func forgetAll() {
    known.removeAll(keepingCapacity: true)
    latest = nil
  }

  func caller(of headers: HTTPHeaders, at moment: Moment) throws(Unauthenticated) -> Caller {
    let header = headers.bytes(of: "authorization")
    if let header, let latest, latest.caller.isValid(at: moment),
      header.elementsEqual(latest.header)
    {
      return latest.caller.caller
    }
    guard let header, let text = headers["authorization"] else { throw .notProvided }
    let bytes = Array(header)
    if let found = known[bytes], found.isValid(at: moment) {
      latest = (bytes, found)
      return found.caller
    }
    let found = try identify(text, at: moment)
    if known.count >= Self.maximumCachedCount { forgetAll() }
    known[bytes] = found
    latest = (bytes, found)
    return found.caller
  }

  private func identify(_ header: String, at moment: Moment) throws(Unauthenticated) -> Known {
    let token = try Self.token(in: header)
    let identity: Identity
    do {
      identity = try queries.identify(Digester.digest(of: token.text), at: moment)
    } catch {
      throw .unavailable(error.description)
    }
    switch identity {
    case .unknown: throw token.isBearer ? .notProvided : .invalid
    case .inactive: throw .inactive
    case .expired: throw .expired
    case .user(let user, let role, let expiresAt):
      return Known(
        caller: Caller(user: user, role: role), expiresAt: expiresAt, askedAt: moment)
    }
  }

  private static func token(
    in header: String
  ) throws(Unauthenticated) -> (text: String, isBearer: Bool) {
    let words = header.split { $0 == " " || $0 == "\t" }
    guard let scheme = words.first?.lowercased(), scheme == "token" || scheme == "bearer" else {
      throw .notProvided
    }
    let isBearer = scheme == "bearer"
    if words.count == 1 { throw isBearer ? .notProvided : .empty }
    if words.count > 2 { throw isBearer ? .notProvided : .spaces }
    return (String(words[1]), isBearer)
  }
}
