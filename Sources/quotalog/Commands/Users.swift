internal import JSON
internal import QuotaModel
internal import QuotaService

extension Subcommand {
  static let userAdd = Subcommand(
    "user", "add", arguments: "[NAME]",
    summary: "Registers a user, or many from a file.",
    options: [
      Option("uuid", "UUID", "the user's UUID elsewhere, such as in Waldur (a new one)"),
      Option("role", "ROLE", "user, support, staff, service or auditor (user)"),
      Option("token-stdin", nil, "take an existing token from standard input"),
      Option("issue-token", nil, "issue a new token and print it, once"),
      Option("from", "FILE", "register many: JSON Lines with name, uuid and role; - is stdin"),
    ]
  ) { (arguments) throws(ExitFailure) in
    if let file = try arguments.value("from") { return try addUsers(from: file, arguments) }
    let registration = try registration(arguments)
    let store = try OpenStore.forWriting(arguments)
    _ = try store.execute(.register(registration))
    try store.finish()
    let isNew = arguments.has("issue-token")
    if arguments.wantsJSON {
      var json = JSONWriter()
      json.registration(registration, showsToken: isNew)
      json.newline()
      Terminal.write(json.take())
    } else {
      let name = registration.name?.description ?? ""
      Terminal.say("registered \(name), \(registration.user), role \(registration.role.name)")
      if let token = registration.token, isNew {
        Terminal.say("token \(token.id): \(token.text)")
      }
    }
  }

  static let userList = Subcommand("user", "list", summary: "Lists every user.") {
    (arguments) throws(ExitFailure) in
    _ = try arguments.expect()
    let store = try OpenStore.forReading(arguments)
    let queries = Queries(store)
    var after: UserID?
    while true {
      let users = try usingStore { () throws(StoreFailure) in
        try queries.users(after: after, limit: 1000)
      }
      for user in users { say(user, arguments) }
      guard users.count == 1000 else { break }
      after = users.last?.account.user
    }
    try store.finish()
  }

  static let userDeactivate = Subcommand(
    "user", "deactivate", arguments: "USER",
    summary: "Deactivates a user: their tokens end at once, their history stays."
  ) { (arguments) throws(ExitFailure) in
    let user = try arguments.expect("USER")[0]
    let store = try OpenStore.forWriting(arguments)
    let answer = try store.execute(.setActive(UserReference(user), false))
    try store.finish()
    report(answer, "deactivated \(user)", arguments)
  }

  private static func registration(_ arguments: Arguments) throws(ExitFailure) -> Registration {
    let text = try arguments.expect("NAME")[0]
    let name: UserName
    do { name = try UserName(text) } catch { throw .usage("the name \(error)") }
    var user = System.randomUser()
    if let uuid = try arguments.value("uuid") {
      guard let given = UserID(spelling: uuid) else { throw .usage("\(uuid) is no UUID") }
      user = given
    }
    let roleName = try arguments.value("role") ?? "user"
    guard let role = Role(name: roleName) else {
      throw .usage("there is no role \(roleName): user, support, staff, service or auditor")
    }
    return Registration(user: user, name: name, role: role, token: try token(arguments))
  }

  private static func token(_ arguments: Arguments) throws(ExitFailure) -> NewToken? {
    if arguments.has("issue-token") {
      guard !arguments.has("token-stdin") else {
        throw .usage("--issue-token and --token-stdin exclude each other")
      }
      return NewToken()
    }
    guard arguments.has("token-stdin") else { return nil }
    let line = try LineReader("-").next() ?? []
    let text = String(decoding: line.filter { $0 != 0x0D }, as: UTF8.self)
    guard NewToken.isAcceptable(text) else {
      throw ExitFailure(
        .badData, "the token must have 16 to 255 visible ASCII characters on one line")
    }
    return NewToken(existing: text)
  }

  private static func addUsers(from file: String, _ arguments: Arguments) throws(ExitFailure) {
    guard arguments.positional.isEmpty else { throw .usage("--from takes no NAME") }
    let reader = try LineReader(file)
    let store = try OpenStore.forWriting(arguments)
    let bar = ProgressBar("registering")
    let batches = LineBatches(store) { (answer) in
      if case .failed(let failure) = answer { return QuotalogFailure.of(failure).message }
      return nil
    }
    let parser = JSONParser()
    try store.finish { () throws(ExitFailure) in
      while let line = try reader.next() {
        do throws(LineFault) {
          try batches.add(.register(Registration(line: line, parser)), line: reader.number)
        } catch {
          batches.refuse(line: reader.number, error.description)
        }
        bar.show(reader.byteCount, of: reader.totalByteCount ?? reader.byteCount)
      }
      batches.flush()
      bar.end()
    }
    try batches.report(done: "registered", arguments)
  }

  private static func say(_ user: UserReading, _ arguments: Arguments) {
    let name = user.name?.description
    guard arguments.wantsJSON else {
      let account = user.account
      let state = account.isErased ? "  erased" : account.isActive ? "" : "  inactive"
      Terminal.say(
        "\(user.account.user)  \(pad(user.account.role.name, to: 8)) \(name ?? "-")\(state)")
      return
    }
    var json = JSONWriter()
    json.beginObject()
    json.member("user", user.account.user.description)
    json.name("name")
    if let name { json.string(name) } else { json.null() }
    json.member("role", user.account.role.name)
    json.member("active", user.account.isActive)
    json.member("erased", user.account.isErased)
    json.endObject()
    json.newline()
    Terminal.write(json.take())
  }

  /// What a command did, in one line.
  static func report(_ answer: Answer, _ text: String, _ arguments: Arguments) {
    guard arguments.wantsJSON else {
      Terminal.say(answer == .unchanged ? "nothing to change" : text)
      return
    }
    var json = JSONWriter()
    json.beginObject()
    json.member("changed", answer != .unchanged)
    if case .recorded(let receipt) = answer {
      json.member("position", receipt.position.rawValue)
      json.member("recorded_at", receipt.recordedAt.rfc3339)
    }
    json.endObject()
    json.newline()
    Terminal.write(json.take())
  }
}

extension Registration {
  /// A line of `user add --from`.
  fileprivate init(line: [UInt8], _ parser: JSONParser) throws(LineFault) {
    let json: JSONValue
    do { json = try parser.parse(line) } catch { throw LineFault("is not JSON: \(error)") }
    guard json.kind == .object else { throw LineFault("is no object") }
    var name: UserName?
    if let text = json["name"]?.string {
      do { name = try UserName(text) } catch { throw LineFault("name \(error)") }
    }
    var user = System.randomUser()
    if let text = json["uuid"]?.string {
      guard let given = UserID(spelling: text) else { throw LineFault("uuid must be a UUID") }
      user = given
    }
    guard let role = Role(name: json["role"]?.string ?? "user") else {
      throw LineFault("role must be user, support, staff, service or auditor")
    }
    self.init(user: user, name: name, role: role)
  }
}

extension JSONWriter {
  fileprivate mutating func registration(_ registration: Registration, showsToken: Bool) {
    beginObject()
    member("user", registration.user.description)
    member("name", registration.name?.description ?? "")
    member("role", registration.role.name)
    if let token = registration.token {
      member("token_id", token.id.description)
      if showsToken {
        member("token", token.text)
      }
    }
    endObject()
  }
}
