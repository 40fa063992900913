internal import CopilotRuntime
internal import EventLoop
internal import Glibc
internal import HTTPServer
internal import JSON
internal import QuotaAPI
internal import QuotaService
internal import Sessions
internal import Webhooks

extension Subcommand {
  static let serve = Subcommand(
    "serve",
    summary: "Serves a store over HTTP until SIGTERM or SIGINT, then finishes what runs.",
    options: Setting.all.map(\.option) + [
      Option("config", "FILE", "settings as a JSON object (or QUOTALOG_CONFIG)"),
      Option("check-config", nil, "check the settings and do not serve"),
      Option("print-config", nil, "print the settings and do not serve"),
      Option("background", nil, "serve processes that SDKs start, and end behind the last one"),
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
final class Service {
  /// How long requests may still run after a signal to stop.
  private static let drainSeconds = 10
  /// How often the places of readers that died are freed.
  private static let readerCheckMilliseconds = 5000

  private let wantsJSON: Bool
  private var isStopping = false
  private var drainingParts = 2
  private let store: Store
  private let loop: EventLoop
  private let committer: Committer
  private let api: QuotaAPI
  private let server: HTTPServer
  private let desk: CommandDesk
  private let runtime: CopilotRuntime
  private let runtimeAddress: String?
  /// nil: nobody outside is told.
  private let webhooks: WebhookDispatcher?
  /// nil: nobody compares answers with the log.
  private let audit: SelfAudit?
  private let consumerDesk: ConsumerDesk
  private let readingDesk: ReadingDesk
  private let host: String
  private let isBackground: Bool

  init(_ configuration: ServeConfiguration, _ arguments: Arguments) throws(ExitFailure) {
    wantsJSON = arguments.wantsJSON
    raiseFileLimit()
    returnLargeMemory()
    let store = try OpenStore.forWriting(arguments)
    try Self.apply(configuration, to: store)
    let answers = AnswerBox()
    let inbox = CommandDesk.Inbox()
    let (loop, waker) = try Self.makeLoop()
    let sessions = try Self.sessionSettings(configuration, Queries(store))
    var ledger = configuration.ledger
    ledger.budgetsOfUsers = sessions.budgetsOfUsers
    committer = try usingStore { [ledger] () throws(StoreFailure) in
      try Committer(
        store: store, settings: ledger,
        onNews: { (news) in
          inbox.put(news)
          waker.waker.wake()
        },
        onRightsChanged: {
          inbox.noteRightsChanged($0)
          waker.waker.wake()
        },
        deliver: { (delivered) in
          var delivered = delivered
          inbox.take(from: &delivered)
          answers.put(delivered)
          waker.waker.wake()
        })
    }
    let hub = SessionHub(Queries(store))
    let lanes = CommandLanes(committer)
    desk = CommandDesk(lanes, inbox, hub)
    runtime = try Self.makeRuntime(loop, configuration, sessions, desk, hub)
    api = QuotaAPI(
      store: store, committer: committer, answers: answers, settings: configuration.api,
      lanes: lanes, sessions: hub, sessionSettings: sessions)
    readingDesk = ReadingDesk { waker.waker.wake() }
    api.readingDesk = readingDesk
    runtime.readingDesk = readingDesk
    self.store = store
    self.loop = loop
    host = configuration.host
    isBackground = configuration.isBackground
    server = try Self.listen(loop, configuration, api)
    api.server = server
    runtimeAddress = try Self.listen(runtime, configuration, store.path)
    webhooks = try Self.makeWebhooks(loop, configuration, store)
    audit = Self.makeAudit(configuration, store)
    if let audit { api.auditStatus = { [unowned audit] in audit.currentStatus } }
    // Where it cannot be told, nobody is named.
    api.oldestReader = { [unowned store] in try? store.oldestReader() }
    consumerDesk = try usingStore { () throws(StoreFailure) in
      try ConsumerDesk(of: store) { waker.waker.wake() }
    }
    api.consumerDesk = consumerDesk
    if let webhooks { api.webhookStatuses = { [unowned webhooks] in webhooks.statuses } }
    waker.onWake = {
      [unowned api, unowned desk, unowned consumerDesk, unowned readingDesk, weak webhooks] in
      // What happened is told before anybody is answered.
      api.completeDelivered { desk.collect() }
      consumerDesk.collect()
      readingDesk.collect()
      webhooks?.noteNews()
      api.noteNews()
    }
    loop.onTurnEnd = { [unowned api, unowned desk] in
      api.flush()
      desk.flush()
    }
    try serveStreams()
    runtime.start()
  }

  private func serveStreams() throws(ExitFailure) {
    api.runLater = { [unowned loop] milliseconds, body in
      (try? loop.schedule(after: milliseconds, body)) != nil
    }
    do throws(EventLoopFailure) {
      try loop.schedule(every: 15_000) { [unowned self] in
        api.keepStreamsAlive()
        // Tokens expire without anybody doing anything.
        runtime.endForbidden()
      }
      // A failure is one of the disk, which whoever writes reports.
      try loop.schedule(every: Self.readerCheckMilliseconds) { [unowned self] in
        try? store.clearDeadReaders()
      }
      try loop.schedule(every: 250) { [unowned self] in api.lookForNews() }
    } catch {
      throw ExitFailure(.unavailable, "the event loop cannot start: \(error)")
    }
  }

  /// How long a background service stays when nobody is connected.
  private static let lingerSeconds = 5

  /// Ends when the last client has been gone for a while.
  private func endWhenUnused() throws(ExitFailure) {
    var idleSeconds = 0
    do throws(EventLoopFailure) {
      try loop.schedule(every: 1000) { [unowned self] in
        let isUnused = runtime.clientCount == 0 && !runtime.isCallingModels
        idleSeconds = isUnused ? idleSeconds + 1 : 0
        if idleSeconds >= Self.lingerSeconds { stop() }
      }
    } catch {
      throw ExitFailure(.unavailable, "the event loop cannot start: \(error)")
    }
  }

  private func stop() {
    guard !isStopping else { return }
    isStopping = true
    runtime.drain(deadlineSeconds: Self.drainSeconds) { [unowned self] in
      server.drain(deadlineSeconds: Self.drainSeconds) { [unowned self] in partEnded() }
    }
    guard let webhooks else { return partEnded() }
    webhooks.drain(deadlineSeconds: Self.drainSeconds) { [unowned self] in partEnded() }
  }

  /// Of the requests that come in and those that go out, one kind has ended.
  private func partEnded() {
    drainingParts -= 1
    if drainingParts == 0 { loop.stop() }
  }

  func run() throws(ExitFailure) {
    try stopOnSignals()
    if isBackground { try endWhenUnused() }
    try tellClock()
    announce()
    // Not before everything that may fail: the process must not end while it reads.
    audit?.start()
    loop.run()
    audit?.stop()
    readingDesk.stop()
    committer.stop()
    webhooks?.finish()
    consumerDesk.stop()
    try store.finish()
  }

  /// Says that the clock is behind the last event, where it is.
  private func tellClock() throws(ExitFailure) {
    let lag = try usingStore { () throws(StoreFailure) in
      try Queries(store).clockLag(at: System.clock())
    }
    if let lag { Terminal.remark(lag.description) }
  }

  private func announce() {
    let name = host.contains(":") ? "[\(host)]" : host
    let address = "http://\(name):\(server.port)"
    guard wantsJSON else {
      Terminal.say("quotalog is listening on \(address)")
      if let runtimeAddress { Terminal.say("Copilot SDKs connect to \(runtimeAddress)") }
      return
    }
    var json = JSONWriter()
    json.beginObject()
    json.member("listening", address)
    if let runtimeAddress {
      json.member("runtime", runtimeAddress)
    }
    json.endObject()
    json.newline()
    Terminal.write(json.take())
  }

  /// SIGTERM, SIGINT and SIGHUP stop the service, and hurry it when it is stopping; others that would end
  /// the process without a word mean nothing to it.
  private func stopOnSignals() throws(ExitFailure) {
    var stopping = [SIGTERM, SIGINT]
    // Under `nohup` the end of a terminal is to be ignored.
    if !isIgnored(SIGHUP) { stopping.append(SIGHUP) }
    do {
      for number in stopping { try loop.onSignal(number) { [unowned self] in stopOrHurry() } }
      for number in [SIGUSR1, SIGUSR2] { try loop.onSignal(number) {} }
    } catch {
      throw ExitFailure(.unavailable, "signals cannot be received: \(error)")
    }
  }

  /// Whoever asks twice does not want to wait for clients: what was acknowledged is kept all the same.
  private func stopOrHurry() {
    if isStopping { loop.stop() } else { stop() }
  }
}
