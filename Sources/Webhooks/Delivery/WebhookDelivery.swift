internal import EventLoop
internal import HTTPClient
internal import JSON
internal import QuotaModel
internal import QuotaService

/// The deliveries to one webhook: one event at a time, in the order of the log.
final class WebhookDelivery {
  /// What all deliveries of a service share.
  struct Surroundings {
    let client: HTTPClient
    let queries: Queries
    /// The log, as messages name it.
    let log: UserID
    let clock: Clock
    /// Events that one search looks at.
    let maximumScanCount: Int
    let complain: (String) -> Void
  }

  /// Events that are read from the log at once.
  private static let pageSize = 32

  let webhook: Webhook
  private(set) var progress: DeliveryProgress
  /// Called when an attempt has ended.
  var onAttemptEnd: (() -> Void)?

  private let surroundings: Surroundings
  private var exchange: Exchange?
  private var answer: DeliveryOutcome?

  init(_ webhook: Webhook, behind position: Position, _ surroundings: Surroundings) {
    self.webhook = webhook
    self.surroundings = surroundings
    progress = DeliveryProgress(behind: position)
  }

  /// Does what is to be done next; answers whether there is more to look for.
  func proceed(head: Position) -> Bool {
    if case .search(let position) = progress.step(head: head, at: .now) { search(position) }
    switch progress.step(head: head, at: .now) {
    case .rest: return false
    case .search: return true
    case .send(let event):
      send(event)
      return false
    }
  }

  /// The log could not be read.
  func fail(_ failure: StoreFailure) {
    guard !progress.rests(at: .now) else { return }
    end(.failed("The log could not be read: \(failure)"))
  }

  /// Gives an attempt up that is under way; the event is sent again.
  func cancel() {
    exchange?.cancel()
    exchange = nil
  }

  private func search(_ position: Position) {
    var filter = EventFilter()
    filter.after = position
    filter.kinds = webhook.kinds
    filter.limit = Self.pageSize
    filter.maximumScanCount = surroundings.maximumScanCount
    do throws(StoreFailure) {
      let page = try surroundings.queries.events(filter)
      progress.take(page.events, upTo: page.nextAfter)
    } catch {
      fail(error)
    }
  }

  private func send(_ event: Event) {
    let moment = surroundings.clock()
    answer = nil
    progress.beginAttempt(at: moment)
    let message = WebhookMessage(event, of: surroundings.log)
    do throws(HTTPClientFailure) {
      exchange = try surroundings.client.send(message.request(to: webhook, at: moment)) {
        [unowned self] in hear($0)
      }
    } catch {
      endAttempt(.failed(error.description))
    }
  }

  private func hear(_ event: ResponseEvent) {
    switch event {
    case .head(let status, let headers):
      answer = DeliveryOutcome(status: status, headers: headers)
    case .body: break
    case .end: endAttempt(answer ?? .failed(HTTPClientFailure.brokenOff.description))
    // Whatever becomes of its body, the status has been said.
    case .failed(let failure): endAttempt(answer ?? .failed(failure.description))
    }
  }

  private func endAttempt(_ outcome: DeliveryOutcome) {
    exchange = nil
    end(outcome)
    if outcome == .gone {
      surroundings.complain(
        "the webhook \(webhook.name) answered 410 Gone: it gets nothing until the next start")
    }
    onAttemptEnd?()
  }

  private func end(_ outcome: DeliveryOutcome) {
    progress.end(outcome, at: .now, random: .random(in: .min ... .max))
  }
}

extension WebhookDelivery {
  var status: WebhookStatus {
    WebhookStatus(
      name: webhook.name.description, url: webhook.url.description, kinds: webhook.kinds,
      position: progress.position, isDisabled: progress.isGone,
      lastAttemptAt: progress.lastAttemptAt, lastError: progress.lastError,
      failureCount: progress.failureCount)
  }
}
