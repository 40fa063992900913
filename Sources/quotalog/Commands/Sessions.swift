internal import JSON
internal import QuotaAPI
internal import QuotaModel
internal import QuotaService

extension Subcommand {
  static let sessionList = Subcommand(
    "session", "list",
    summary: "Lists sessions, with what is used of their caps.",
    options: [Option("user", "USER", "only sessions of this user")]
  ) { (arguments) throws(ExitFailure) in
    _ = try arguments.expect()
    let store = try OpenStore.forReading(arguments)
    let queries = Queries(store)
    let viewer = try viewer(arguments, queries)
    var last: SessionRef?
    while true {
      let page = try usingStore { () throws(StoreFailure) in
        try queries.sessions(as: viewer, after: last, limit: 500)
      }
      for session in page { list(session, arguments) }
      guard let end = page.last else { break }
      last = end.ref
    }
    try store.finish()
  }

  static let sessionShow = Subcommand(
    "session", "show", arguments: "ID",
    summary: "Shows what is used of a session's cap, and what the session asks."
  ) { (arguments) throws(ExitFailure) in
    let address = try address(arguments.expect("ID")[0])
    let store = try OpenStore.forReading(arguments)
    let session = try session(address, Queries(store))
    try store.finish()
    guard !arguments.wantsJSON else { return Terminal.write(document(session)) }
    show(session)
  }

  static let sessionLimits = Subcommand(
    "session", "limits", arguments: "ID",
    summary: "Sets or removes a session's cap.",
    options: [
      Option("set", "CREDITS", "the cap in AI credits, such as 40 or 2.5"),
      Option("remove", nil, "no cap"),
    ]
  ) { (arguments) throws(ExitFailure) in
    let address = try address(arguments.expect("ID")[0])
    let limit = try credits("set", arguments)
    guard arguments.has("remove") != (limit != nil) else {
      throw .usage("give either --set CREDITS or --remove")
    }
    try change(.setLimit(address, limit.map { .set($0) } ?? .remove, change: nil), arguments)
  }

  static let sessionAnswer = Subcommand(
    "session", "answer", arguments: "ID REQUEST",
    summary: "Answers the question that a session asks when its cap is reached.",
    options: [
      Option("add", "CREDITS", "so many AI credits more"),
      Option("set", "CREDITS", "another cap in AI credits"), Option("unset", nil, "no cap"),
      Option("cancel", nil, "the cap stays, and waiting calls are dropped"),
    ]
  ) { (arguments) throws(ExitFailure) in
    let words = try arguments.expect("ID", "REQUEST")
    let address = try address(words[0])
    let answers: [ExhaustionAnswer?] = [
      try credits("add", arguments).map { .add($0) },
      try credits("set", arguments).map { .set($0) },
      arguments.has("unset") ? .unset : nil, arguments.has("cancel") ? .cancel : nil,
    ]
    let given = answers.compactMap(\.self)
    guard given.count == 1 else {
      throw .usage("give one of --add CREDITS, --set CREDITS, --unset and --cancel")
    }
    try change(.answer(address, request: words[1], given[0]), arguments)
  }

  // MARK: What the words mean

  static func address(_ text: String) throws(ExitFailure) -> SessionAddress {
    do { return SessionAddress(try SessionID(text), as: .everybody) } catch {
      throw .usage("a session's id \(error), and \(text) does not")
    }
  }

  static func session(
    _ address: SessionAddress, _ queries: Queries
  ) throws(ExitFailure) -> Session {
    let session = try usingStore { () throws(StoreFailure) in try queries.session(address) }
    guard let session else { throw QuotalogFailure.of(.unknownSession) }
    return session
  }

  private static func viewer(
    _ arguments: Arguments, _ queries: Queries
  ) throws(ExitFailure) -> SessionViewer {
    guard let text = try arguments.value("user") else { return .everybody }
    let user = try usingStore { () throws(StoreFailure) in
      try queries.user(UserReference(text))
    }
    guard let user else { throw QuotalogFailure.of(.unknownUser) }
    return .user(user.account.user)
  }

  private static func credits(
    _ name: String, _ arguments: Arguments
  ) throws(ExitFailure) -> NanoCredits? {
    guard let text = try arguments.value(name) else { return nil }
    guard let amount = NanoCredits(credits: text), amount > .zero else {
      throw .usage("--\(name) must be a number of AI credits above zero, not \(text)")
    }
    return amount
  }

  private static func change(
    _ command: SessionCommand, _ arguments: Arguments
  ) throws(ExitFailure) {
    let store = try OpenStore.forWriting(arguments)
    let answer = try store.execute(.session(command))
    try store.finish()
    guard case .session(let answer) = answer else { return }
    if answer.result == .tooLate {
      throw ExitFailure(
        .badData, "the question was answered before, or the session never asked it")
    }
    if arguments.wantsJSON { return Terminal.write(document(answer.session)) }
    if answer.result == .unchanged { Terminal.say("nothing to change") }
    show(answer.session)
  }

  // MARK: Output

  private static func document(_ session: Session) -> [UInt8] {
    var json = JSONWriter()
    json.session(session)
    json.newline()
    return json.take()
  }

  private static func list(_ session: Session, _ arguments: Arguments) {
    guard !arguments.wantsJSON else { return Terminal.write(document(session)) }
    let user = session.user?.description ?? "-"
    Terminal.say(
      "\(pad(session.id.description, to: 36)) \(pad(session.state.rawValue, to: 9)) "
        + "\(bar(session, 12)) \(pad(figures(session), to: 24)) \(user)")
  }

  private static func show(_ session: Session) {
    let owner = session.user.map { ", user \($0)" } ?? ""
    Terminal.say("session \(session.id), \(session.state.rawValue)\(owner)")
    Terminal.say(
      "window \(session.window.number) \(bar(session, 30)) \(figures(session)) credits since "
        + session.window.startedAt.rfc3339)
    Terminal.say(
      "in all \(session.total.credits) credits in \(grouped(session.counts.calls)) calls"
        + (session.creditsStatus == .complete ? "" : ", \(session.creditsStatus.rawValue)"))
    if let budget = session.budget { Terminal.say("shares the budget \(budget)") }
    if !session.calls.isEmpty {
      Terminal.say(
        "\(session.calls.count) calls under way, \(session.reserved.credits) credits reserved")
    }
    guard let request = session.request else { return }
    let subject = request.budget.map { " of the budget \($0)" } ?? ""
    Terminal.say(
      "asks \(request.id): \(request.used.credits) of \(request.limit.credits) credits\(subject) "
        + "are used, what now?")
  }

  private static func figures(_ session: Session) -> String {
    "\(session.used.credits) of \(session.limit?.credits ?? "unlimited")"
  }

  private static func bar(_ session: Session, _ width: Int) -> String {
    UsageBar.text(session.used.rawValue, of: session.limit?.rawValue, width: width)
  }
}
