internal import QuotaModel
internal import QuotaService

/// Which events a command line asks for, in the words that several commands share.
extension Arguments {
  /// The user of `--user`, by id or name; nil without it.
  func user(_ queries: Queries) throws(ExitFailure) -> UserID? {
    guard let text = try value("user") else { return nil }
    let user = try usingStore { () throws(StoreFailure) in
      try queries.user(UserReference(text))
    }
    guard let user else { throw QuotalogFailure.of(.unknownUser) }
    return user.account.user
  }

  /// The session of `--session`, by id, or by number where it was deleted; nil without it.
  func session(_ queries: Queries) throws(ExitFailure) -> SessionRef? {
    guard let text = try value("session") else { return nil }
    let session = try usingStore { () throws(StoreFailure) in
      try queries.session(spelling: text)
    }
    guard let session else { throw QuotalogFailure.of(.unknownSession) }
    return session.ref
  }

  /// The kinds of `--type`, which may be given several times; nil without it.
  func kinds() throws(ExitFailure) -> Set<EventKind>? {
    guard has("type") else { return nil }
    var kinds: Set<EventKind> = []
    for text in values("type") {
      guard let kind = EventKind(name: text) else {
        let names = EventKind.allCases.map(\.name).joined(separator: ", ")
        throw .usage("--type must be one of \(names)")
      }
      kinds.insert(kind)
    }
    return kinds
  }
}
