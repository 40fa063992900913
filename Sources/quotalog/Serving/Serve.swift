internal import CMalloc
internal import EventLoop
internal import Glibc
internal import HTTPServer
internal import JSON
internal import QuotaAPI
internal import QuotaModel
internal import QuotaService

extension Subcommand {
  static let serve = Subcommand(
    "serve",
    summary: "Serves a store over HTTP until SIGTERM or SIGINT, then finishes what runs.",
    options: Setting.all.map(\.option) + [
      Option("config", "FILE", "settings as a JSON object (or QUOTALOG_CONFIG)"),
      Option("check-config", nil, "check the settings and do not serve"),
      Option("print-config", nil, "print the settings and do not serve"),
    ]
  ) { (arguments) throws(ExitFailure) in
    _ = try arguments.expect()
    let configuration = try ServeConfiguration(arguments)
    if arguments.has("print-config") { return Terminal.write(configuration.document) }
    if arguments.has("check-config") { return Terminal.say("the settings are fine") }
    try Service(configuration, arguments).run()
  }
}

/// A running service: the store, the committer's thread, and the loop on this thread.
private final class Service {
  /// How long requests may still run after a signal to stop.
  private static let drainSeconds = 10

  private let wantsJSON: Bool
  private let store: Store
  private let loop: EventLoop
  private let committer: Committer
  private let api: QuotaAPI
  private let server: HTTPServer
  private let host: String

  init(_ configuration: ServeConfiguration, _ arguments: Arguments) throws(ExitFailure) {
    wantsJSON = arguments.wantsJSON
    raiseFileLimit()
    returnLargeMemory()
    let store = try OpenStore.forWriting(arguments)
    try Self.apply(configuration, to: store)
    let answers = AnswerBox()
    let (loop, waker) = try Self.makeLoop()
    committer = try usingStore { () throws(StoreFailure) in
      try Committer(store: store) { (delivered) in
        answers.put(delivered)
        waker.waker.wake()
      }
    }
    api = QuotaAPI(
      store: store, committer: committer, answers: answers, settings: configuration.api)
    self.store = store
    self.loop = loop
    host = configuration.host
    server = try Self.listen(loop, configuration, api)
    api.server = server
    waker.onWake = { [unowned api] in api.completeDelivered() }
    loop.onTurnEnd = { [unowned api] in api.flush() }
  }

  func run() throws(ExitFailure) {
    try stopOnSignals()
    announce()
    loop.run()
    committer.stop()
    try store.finish()
  }

  private func announce() {
    let name = host.contains(":") ? "[\(host)]" : host
    let address = "http://\(name):\(server.port)"
    guard wantsJSON else { return Terminal.say("quotalog is listening on \(address)") }
    var json = JSONWriter()
    json.beginObject()
    json.name("listening")
    json.string(address)
    json.endObject()
    json.newline()
    Terminal.write(json.take())
  }

  private func stopOnSignals() throws(ExitFailure) {
    var isStopping = false
    for number in [SIGTERM, SIGINT] {
      do {
        try loop.onSignal(number) { [unowned self] in
          guard !isStopping else { return }
          isStopping = true
          server.drain(deadlineSeconds: Self.drainSeconds) { [unowned self] in loop.stop() }
        }
      } catch {
        throw ExitFailure(.unavailable, "signals cannot be received: \(error)")
      }
    }
  }

  /// Settings that belong to the store's history become events.
  private static func apply(
    _ configuration: ServeConfiguration, to store: Store
  ) throws(ExitFailure) {
    let system = try usingStore { () throws(StoreFailure) in try Queries(store).system() }
    let calendar = CalendarSetting(
      zone: configuration.timeZone ?? system.calendar.zone,
      weekStart: configuration.weekStart ?? system.calendar.weekStart)
    let bar = ProgressBar("moving to another calendar")
    try usingStore { () throws(StoreFailure) in
      try store.setCalendar(calendar, clock: System.clock) { bar.show($0, of: $1) }
    }
    bar.end()
    let defaults = Limits { configuration.defaults[$0] ?? system.defaults[$0] }
    if defaults != system.defaults { _ = try store.execute(.setDefaults(defaults)) }
  }

  private static func makeLoop() throws(ExitFailure) -> (EventLoop, WakerBox) {
    do throws(EventLoopFailure) {
      let loop = try EventLoop()
      let box = WakerBox()
      box.set(try loop.makeWaker { [unowned box] in box.onWake?() })
      return (loop, box)
    } catch {
      throw ExitFailure(.unavailable, "the event loop cannot start: \(error)")
    }
  }

  private static func listen(
    _ loop: EventLoop, _ configuration: ServeConfiguration, _ api: QuotaAPI
  ) throws(ExitFailure) -> HTTPServer {
    do {
      return try HTTPServer(
        loop: loop, host: configuration.host, port: configuration.port, handler: api)
    } catch {
      throw ExitFailure(failure: error, at: "\(configuration.host):\(configuration.port)")
    }
  }
}

/// Ties the loop's waker to what it wakes, which is made after it.
private final class WakerBox: @unchecked Sendable {
  private(set) var waker: Waker!
  var onWake: (() -> Void)?

  func set(_ waker: Waker) { self.waker = waker }
}

extension ExitFailure {
  fileprivate init(failure: HTTPServerFailure, at address: String) {
    switch failure {
    case .addressInUse:
      self.init(
        .unavailable,
        "\(address) is in use by another process: stop it, or choose another with --listen")
    case .notPermitted:
      self.init(
        .noPermission,
        "\(address) needs a right that this user lacks: choose a port from 1024 on with --listen")
    case .badHost: self.init(.usage, "\(address) names no host that is known here")
    case .addressNotHere: self.init(.unavailable, "this machine has no address \(address)")
    case .loop(let failure): self.init(.unavailable, "cannot listen on \(address): \(failure)")
    }
  }
}

/// Has large pieces of memory taken from the system one by one, so that they go back to it: the C
/// library would otherwise keep what a burst once needed, in pieces too scattered to be used again.
private func returnLargeMemory() { mallopt(M_MMAP_THRESHOLD, 256 << 10) }

/// Every connection is an open file: take as many as the system allows.
private func raiseFileLimit() {
  var limit = rlimit()
  guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
  limit.rlim_cur = limit.rlim_max
  _ = unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
}
