internal import Glibc
internal import QuotaModel
internal import QuotaService

extension Subcommand {
  static let userErase = Subcommand(
    "user", "erase", arguments: "USER",
    summary: """
      Erases who a user was, for good: name, sessions with what was said in them, access.

      What they used stays, under their id: no sum, no limit and no proof changes. Texts that callers
      wrote into events (reasons, ids of requests and sessions) are part of the log and stay too.
      """,
    options: [Option("yes", nil, "do not ask; needed where nobody can be asked")]
  ) { (arguments) throws(ExitFailure) in
    let text = try arguments.expect("USER")[0]
    let store = try OpenStore.forWriting(arguments)
    let reference = UserReference(text)
    let user = try usingStore { () throws(StoreFailure) in try Queries(store).user(reference) }
    guard let user else { throw QuotalogFailure.of(.unknownUser) }
    if !user.account.isErased && !arguments.has("yes") { try confirm(user) }
    let answer = try store.execute(.erase(.id(user.account.user)))
    let hasRemains = try usingStore { () throws(StoreFailure) in try store.hasRemains() }
    try store.finish()
    report(answer, "erased \(user.account.user)", arguments)
    if hasRemains {
      Terminal.complain(
        "the file of names still has the bytes, because another process reads it: the next command "
          + "that changes the store overwrites them, and so does `quotalog serve`")
    }
  }

  private static func confirm(_ user: UserReading) throws(ExitFailure) {
    guard isatty(STDIN_FILENO) == 1 else {
      throw .usage("erasing cannot be undone: say --yes where nobody can be asked")
    }
    let name = user.name.map { "\($0), " } ?? ""
    Terminal.note(
      """
      This erases \(name)\(user.account.user), role \(user.account.role.name), and cannot be undone.
      gone:  the name, all sessions and what was said in them, every token's access
      stays: what was used, limits, and every event of the log, under the id
      Type yes to go on:\u{20}
      """)
    guard try LineReader("-").next().map({ String(decoding: $0, as: UTF8.self) }) == "yes" else {
      throw ExitFailure(.usage, "nothing was erased: the answer was not yes")
    }
  }
}
