public import EventLoop
public import HTTPClient
internal import QuotaModel
public import QuotaService

/// Tells receivers outside what happened, at least once and in order, each at its own pace.
///
/// It belongs to the loop's thread and never blocks it. A receiver that fails holds up its own webhook.
public final class WebhookDispatcher {
  /// Between looks at the log that nobody asked for, and so how late an attempt may be repeated.
  private static let tickMilliseconds = 250
  /// How long a receiver may take to answer.
  private static let attemptMilliseconds = 10_000
  /// Between being told of news and looking: under load one look serves many commits.
  private static let pauseMilliseconds = 5
  /// Events that all webhooks together look at before others get their turn: about a millisecond.
  private static let scanCountPerLook = 10_000

  private let loop: EventLoop
  private let queries: Queries
  private let complain: (String) -> Void
  private let deliveries: [WebhookDelivery]
  private var keeper: PositionKeeper
  private var lookTimer: LoopTimer?
  private var tickTimer: LoopTimer?
  private var onDrained: (() -> Void)?
  private var isDraining = false

  /// A webhook that the store has never seen begins behind the last event; from then on its place in the
  /// log is kept.
  public init(
    _ webhooks: [Webhook], on loop: EventLoop, store: Store,
    clock: @escaping Clock = System.clock, complain: @escaping (String) -> Void
  ) throws(WebhookFailure) {
    self.loop = loop
    self.complain = complain
    let queries = Queries(store)
    self.queries = queries
    let surroundings = WebhookDelivery.Surroundings(
      client: try Self.client(on: loop), queries: queries, log: store.logID, clock: clock,
      maximumScanCount: max(1, Self.scanCountPerLook / max(1, webhooks.count)), complain: complain)
    do throws(StoreFailure) {
      let keeper = try PositionKeeper(webhooks.map(\.name), of: store)
      self.keeper = keeper
      deliveries = webhooks.map {
        WebhookDelivery($0, behind: keeper.position(of: $0.name), surroundings)
      }
    } catch {
      throw .store(error)
    }
    try begin()
  }

  deinit {
    tickTimer?.cancel()
    lookTimer?.cancel()
  }

  private static func client(on loop: EventLoop) throws(WebhookFailure) -> HTTPClient {
    var limits = HTTPClientLimits()
    limits.wholeMilliseconds = attemptMilliseconds
    limits.bodyBytes = 65_536
    do throws(HTTPClientFailure) {
      return try HTTPClient(on: loop, limits: limits)
    } catch {
      throw .client(error)
    }
  }

  /// Something may have been appended. Costs next to nothing, so it may be called for every commit.
  public func noteNews() {
    guard lookTimer == nil, !isDraining else { return }
    do throws(EventLoopFailure) {
      lookTimer = try loop.schedule(after: Self.pauseMilliseconds) { [unowned self] in
        lookTimer = nil
        look()
      }
    } catch {
      // The next tick looks in any case.
      lookTimer = nil
    }
  }

  public var statuses: [WebhookStatus] { deliveries.map(\.status) }

  /// Begins no further attempt; calls `onDrained` once when those under way have ended or were given up.
  public func drain(deadlineSeconds: Int, _ onDrained: @escaping () -> Void) {
    isDraining = true
    self.onDrained = onDrained
    do throws(EventLoopFailure) {
      try loop.schedule(after: deadlineSeconds * 1000) { [weak self] in self?.endDrain() }
    } catch {
      return endDrain()
    }
    endDrainWhenIdle()
  }

  /// Stores how far everybody has come; to be called when the loop has ended.
  public func finish() {
    do throws(StoreFailure) {
      try keeper.finish(deliveries)
    } catch {
      complain("the positions of the webhooks were not stored, so events are repeated: \(error)")
    }
  }
}

extension WebhookDispatcher {
  private func begin() throws(WebhookFailure) {
    for delivery in deliveries { delivery.onAttemptEnd = { [unowned self] in attemptEnded() } }
    do throws(EventLoopFailure) {
      tickTimer = try loop.schedule(every: Self.tickMilliseconds) { [unowned self] in tick() }
    } catch {
      throw .loop(error)
    }
  }

  private func tick() {
    look()
    if let failure = keeper.keep(deliveries, at: .now) {
      complain("the positions of the webhooks cannot be stored: \(failure)")
    }
  }

  private func look() {
    guard !isDraining else { return }
    do throws(StoreFailure) {
      let head = try queries.head()
      for delivery in deliveries where delivery.proceed(head: head) { noteNews() }
    } catch {
      for delivery in deliveries { delivery.fail(error) }
    }
  }

  private func attemptEnded() {
    if isDraining { return endDrainWhenIdle() }
    // The next event of a queue goes out at once, but not from within the client's own work.
    loop.runAfterCallback { [weak self] in self?.look() }
  }

  private func endDrainWhenIdle() {
    if !deliveries.contains(where: \.progress.isSending) { endDrain() }
  }

  private func endDrain() {
    for delivery in deliveries { delivery.cancel() }
    onDrained.take()?()
  }
}

/// Why the deliveries could not begin.
public enum WebhookFailure: Error, Hashable, Sendable {
  case store(StoreFailure)
  case client(HTTPClientFailure)
  case loop(EventLoopFailure)
}

extension WebhookFailure: CustomStringConvertible {
  public var description: String {
    switch self {
    case .store(let failure): failure.description
    case .client(let failure): "webhooks cannot be sent: \(failure)"
    case .loop(let failure): "webhooks cannot be sent: \(failure)"
    }
  }
}
