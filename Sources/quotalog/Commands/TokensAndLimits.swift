internal import EventJSON
internal import JSON
internal import QuotaModel
internal import QuotaService

extension Subcommand {
  static let tokenIssue = Subcommand(
    "token", "issue", arguments: "USER",
    summary: "Issues an access token, which is printed once.",
    options: [Option("expires-in", "TIME", "such as 30d, 12h, 15m or 90s (no end)")]
  ) { (arguments) throws(ExitFailure) in
    let user = try arguments.expect("USER")[0]
    var expiresAt: Moment?
    if let text = try arguments.value("expires-in") {
      expiresAt = Moment(
        microseconds: System.clock().microseconds + (try seconds(text)) * 1_000_000)
    }
    let token = NewToken()
    let store = try OpenStore.forWriting(arguments)
    _ = try store.execute(.issueToken(UserReference(user), token, expiresAt: expiresAt))
    try store.finish()
    guard arguments.wantsJSON else {
      Terminal.say("token \(token.id): \(token.text)")
      Terminal.say("It is shown this once; only its digest is kept.")
      return
    }
    var json = JSONWriter()
    json.beginObject()
    json.member("token_id", token.id.description)
    json.member("token", token.text)
    json.name("expires_at")
    if let expiresAt { json.string(expiresAt.rfc3339) } else { json.null() }
    json.endObject()
    json.newline()
    Terminal.write(json.take())
  }

  static let tokenRevoke = Subcommand(
    "token", "revoke", arguments: "TOKEN_ID", summary: "Revokes an access token by its id."
  ) { (arguments) throws(ExitFailure) in
    let text = try arguments.expect("TOKEN_ID")[0]
    guard let token = TokenID(text: text) else {
      throw .usage("a token id has 16 hexadecimal digits, and \(text) has not")
    }
    let store = try OpenStore.forWriting(arguments)
    let answer = try store.execute(.revokeToken(token, of: nil))
    try store.finish()
    report(answer, "revoked \(token)", arguments)
  }

  static let limitsSet = Subcommand(
    "limits", "set", arguments: "USER",
    summary: "Sets a user's own limits: a number of tokens, unlimited, or default.",
    options: Period.allCases.map { Option($0.name, "LIMIT", "tokens a \($0.noun)") }
  ) { (arguments) throws(ExitFailure) in
    let user = try arguments.expect("USER")[0]
    let updates = try LimitUpdates { (period) throws(ExitFailure) in try update(period, arguments) }
    guard updates != LimitUpdates(repeating: .keep) else {
      throw .usage("give at least one of \(Period.allOptions)")
    }
    let store = try OpenStore.forWriting(arguments)
    let answer = try store.execute(.setLimits(UserReference(user), updates))
    try store.finish()
    report(answer, "limits of \(user) are set", arguments)
  }

  private static func update(
    _ period: Period, _ arguments: Arguments
  ) throws(ExitFailure) -> LimitUpdate {
    let name = period.name
    switch try arguments.value(name) {
    case nil: return .keep
    case "default": return .unset
    case "unlimited": return .set(.unlimited)
    case let text?:
      guard let number = Int64(text), let limit = TokenLimit(number) else {
        throw .usage(
          "--\(name) must be unlimited, default, or a number from 0 to 9007199254740991")
      }
      return .set(limit)
    }
  }

  /// A duration such as `30d`.
  private static func seconds(_ text: String) throws(ExitFailure) -> Int64 {
    let units: [Character: Int64] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
    guard let unit = text.last.flatMap({ units[$0] }), let count = Int64(text.dropLast()),
      (1...36_525).contains(count)
    else { throw .usage("--expires-in must look like 30d, 12h, 15m or 90s, not \(text)") }
    return count * unit
  }
}
