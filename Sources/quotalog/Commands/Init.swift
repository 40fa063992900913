internal import JSON
internal import QuotaModel
internal import QuotaService

extension Subcommand {
  static let initialise = Subcommand(
    "init",
    summary: """
      Creates a store, with a first staff user "admin" whose token is printed once.
      """,
    options: [
      Option("time-zone", "ZONE", "whose midnights windows begin at, such as Europe/Tallinn (UTC)"),
      Option("week-start", "DAY", "the day that weeks begin on (monday)"),
      Option("origin", "NAME", "what checkpoints call the log, such as quota.example.org/log"),
    ]
  ) { (arguments) throws(ExitFailure) in
    _ = try arguments.expect()
    let path = try arguments.dataPath()
    let calendar = try CalendarOptions.setting(arguments, or: .default)
    _ = try usingStore { () throws(StoreFailure) in try TimeZones.calendar(calendar) }
    let admin = try newStore(at: path, calendar, origin: try origin(arguments))
    say(admin, path, arguments)
  }

  /// Makes a store with a first staff user; its token, where it gets one, is known to nobody but the caller.
  static func newStore(
    at path: String, _ calendar: CalendarSetting = .default, origin: LogOrigin? = nil,
    token: NewToken? = NewToken()
  ) throws(ExitFailure) -> Registration {
    let admin = Registration(
      user: System.randomUser(), name: try name("admin"), role: .staff, token: token)
    let draft = try usingStore { () throws(StoreFailure) in
      try StoreDraft(at: path, clock: System.clock, origin: origin)
    }
    do throws(ExitFailure) {
      try fill(draft.path, calendar, admin)
    } catch {
      // Why it failed says more than that something is left, which the next attempt removes.
      try? draft.remove()
      throw error
    }
    do throws(StoreFailure) { try draft.putInPlace() } catch { throw ExitFailure(error) }
    return admin
  }

  /// Whoever is killed on the way has made nothing: no store is without its calendar and its first user.
  private static func fill(
    _ path: String, _ calendar: CalendarSetting, _ admin: Registration
  ) throws(ExitFailure) {
    let store = try usingStore { () throws(StoreFailure) in
      let store = try Store(at: path, mode: .writing)
      try store.setCalendar(calendar, clock: System.clock)
      return store
    }
    _ = try store.execute(.register(admin))
    try store.finish()
  }

  private static func origin(_ arguments: Arguments) throws(ExitFailure) -> LogOrigin? {
    guard let text = try arguments.value("origin") else { return nil }
    guard let origin = LogOrigin(text) else {
      throw .usage("--origin must have 1 to 200 bytes without spaces and plus signs")
    }
    return origin
  }

  private static func name(_ text: String) throws(ExitFailure) -> UserName {
    do { return try UserName(text) } catch { throw .usage("the name \(error)") }
  }

  private static func say(_ admin: Registration, _ path: String, _ arguments: Arguments) {
    let token = admin.token?.text ?? ""
    guard arguments.wantsJSON else {
      Terminal.say("created a store at \(path)")
      Terminal.say("staff user admin, \(admin.user)")
      Terminal.say("token: \(token)")
      Terminal.say("The token is shown this once; only its digest is kept.")
      return
    }
    var json = JSONWriter()
    json.beginObject()
    json.member("data", path)
    json.member("user", admin.user.description)
    json.member("name", "admin")
    json.member("token", token)
    json.endObject()
    json.newline()
    Terminal.write(json.take())
  }
}

/// `--time-zone` and `--week-start`.
enum CalendarOptions {
  static func setting(
    _ arguments: Arguments, or fallback: CalendarSetting
  ) throws(ExitFailure) -> CalendarSetting {
    try setting(
      zone: arguments.value("time-zone"), weekStart: arguments.value("week-start"), or: fallback)
  }

  static func setting(
    zone: String?, weekStart: String?, or fallback: CalendarSetting
  ) throws(ExitFailure) -> CalendarSetting {
    var setting = fallback
    if let zone { setting.zone = zone }
    if let weekStart {
      guard let day = Weekday(name: weekStart) else {
        throw .usage("the week starts on a day such as monday, not on \(weekStart)")
      }
      setting.weekStart = day
    }
    return setting
  }
}
