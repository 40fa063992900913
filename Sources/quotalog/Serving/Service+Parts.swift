internal import CopilotRuntime
internal import EventLoop
internal import HTTPServer
internal import QuotaAPI
internal import QuotaModel
internal import QuotaService
internal import Sessions
internal import Webhooks

/// How a service's parts are made of its settings, and what is said where one cannot be.
extension Service {
  static func sessionSettings(
    _ configuration: ServeConfiguration, _ queries: Queries
  ) throws(ExitFailure) -> SessionSettings {
    var settings = configuration.sessions
    for (user, budget) in configuration.budgetsOfUsers {
      settings.budgetsOfUsers[try known(user, queries)] = budget
    }
    return settings
  }

  static func makeRuntime(
    _ loop: EventLoop, _ configuration: ServeConfiguration, _ settings: SessionSettings,
    _ desk: CommandDesk, _ hub: SessionHub
  ) throws(ExitFailure) -> CopilotRuntime {
    let localUser = try configuration.localUser.map { (user) throws(ExitFailure) in
      try known(user, hub.queries)
    }
    do throws(RuntimeFailure) {
      return try CopilotRuntime(
        on: loop, desk: desk, hub: hub, settings: settings, localUser: localUser,
        providerHosts: configuration.providerHosts)
    } catch {
      throw ExitFailure(.unavailable, error.description)
    }
  }

  static func makeWebhooks(
    _ loop: EventLoop, _ configuration: ServeConfiguration, _ store: Store
  ) throws(ExitFailure) -> WebhookDispatcher? {
    guard !configuration.webhooks.isEmpty else { return nil }
    do throws(WebhookFailure) {
      return try WebhookDispatcher(
        configuration.webhooks, on: loop, store: store, complain: Terminal.remark)
    } catch {
      switch error {
      case .store(let failure): throw ExitFailure(failure)
      case .client, .loop: throw ExitFailure(.unavailable, error.description)
      }
    }
  }

  static func makeAudit(_ configuration: ServeConfiguration, _ store: Store) -> SelfAudit? {
    guard configuration.auditPercent > 0 else { return nil }
    return SelfAudit(of: store, percent: configuration.auditPercent) { (finding) in
      let remedy = finding.user == nil ? "verify" : "projections rebuild --swap"
      Terminal.remark("what is answered differs from the log: \(finding); run `quotalog \(remedy)`")
    }
  }

  static func known(
    _ reference: UserReference, _ queries: Queries
  ) throws(ExitFailure) -> UserID {
    let user = try usingStore { () throws(StoreFailure) in try queries.user(reference) }
    guard let user else {
      throw ExitFailure(.badData, "a setting names a user that nobody knows: \(reference)")
    }
    return user.account.user
  }

  /// Listens for SDKs: processes of this system user always, others over TCP where that is set.
  static func listen(
    _ runtime: CopilotRuntime, _ configuration: ServeConfiguration, _ path: String
  ) throws(ExitFailure) -> String? {
    do throws(UnixSocketFailure) {
      try runtime.listen(path: ServiceLauncher.socketPath(of: path))
    } catch {
      throw ExitFailure(.unavailable, "cannot listen in the data directory: \(error)")
    }
    guard let (host, port) = configuration.runtime else { return nil }
    do throws(ListenFailure) {
      let taken = try runtime.listen(host: host, port: port)
      return host.contains(":") ? "[\(host)]:\(taken)" : "\(host):\(taken)"
    } catch {
      throw ExitFailure(.unavailable, "cannot listen for SDKs on \(host):\(port): \(error)")
    }
  }

  /// Settings that belong to the store's history become events.
  static func apply(
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
    let updates = LimitUpdates { configuration.defaults[$0].map(LimitUpdate.set) ?? .keep }
    // One that changes nothing is no event.
    if updates != LimitUpdates(repeating: .keep) { _ = try store.execute(.setDefaults(updates)) }
  }

  static func makeLoop() throws(ExitFailure) -> (EventLoop, WakerBox) {
    do throws(EventLoopFailure) {
      let loop = try EventLoop()
      let box = WakerBox()
      box.set(try loop.makeWaker { [unowned box] in box.onWake?() })
      return (loop, box)
    } catch {
      throw ExitFailure(.unavailable, "the event loop cannot start: \(error)")
    }
  }

  static func listen(
    _ loop: EventLoop, _ configuration: ServeConfiguration, _ api: QuotaAPI
  ) throws(ExitFailure) -> HTTPServer {
    do {
      // Many background services may run beside each other.
      return try HTTPServer(
        loop: loop, host: configuration.host,
        port: configuration.isBackground ? 0 : configuration.port,
        handler: api)
    } catch {
      throw ExitFailure(failure: error, at: "\(configuration.host):\(configuration.port)")
    }
  }
}

/// Ties the loop's waker to what it wakes, which is made after it.
final class WakerBox: @unchecked Sendable {
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
