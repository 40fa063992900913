internal import QuotaModel
internal import QuotaService

/// When the positions of the webhooks are stored: late enough to cost nothing, so that a crash repeats what
/// the last second delivered; never before the receiver took it, so that nothing is lost.
struct PositionKeeper {
  private static let pause = Duration.seconds(1)
  /// Events that nobody is told of move positions, too. Forgetting that costs a search, not a repetition.
  private static let longPause = Duration.seconds(60)

  private let file: DeliveryPositions
  /// What was handed over last, with the names that have no webhook now.
  private var positions: [String: Position]
  private var storedAt = ContinuousClock.now
  private var knownFailure: StoreFailure?

  /// Takes up where the store was left, and gives new names their place before anything is delivered.
  init(_ names: [WebhookName], of store: Store) throws(StoreFailure) {
    let head = try Queries(store).head()
    let file = DeliveryPositions(of: store)
    let stored = try file.read()
    // A log that was restored from an older backup gives the positions behind its end to new events.
    var positions = stored.mapValues { min($0, head) }
    for name in names where positions[name.description] == nil {
      positions[name.description] = head
    }
    if positions != stored { try file.write(positions) }
    self.file = file
    self.positions = positions
  }

  func position(of name: WebhookName) -> Position { positions[name.description] ?? .zero }

  /// Stores what is worth it by now; answers a failure that is not known yet.
  mutating func keep(
    _ deliveries: [WebhookDelivery], at now: ContinuousClock.Instant
  ) -> StoreFailure? {
    let failure = file.failure
    defer { knownFailure = failure }
    let wait = failure != nil || hasDelivered(deliveries) ? Self.pause : Self.longPause
    if now >= storedAt + wait {
      let current = merged(deliveries)
      if current != positions || failure != nil, file.writeLater(current) {
        positions = current
        storedAt = now
      }
    }
    return knownFailure == nil ? failure : nil
  }

  /// Stores what there is, and returns when it is on the disk.
  mutating func finish(_ deliveries: [WebhookDelivery]) throws(StoreFailure) {
    file.stop()
    let current = merged(deliveries)
    if current != positions || file.failure != nil { try file.write(current) }
    positions = current
  }

  private func hasDelivered(_ deliveries: [WebhookDelivery]) -> Bool {
    deliveries.contains { delivery in
      delivery.progress.lastTaken.map { $0 > position(of: delivery.webhook.name) } ?? false
    }
  }

  private func merged(_ deliveries: [WebhookDelivery]) -> [String: Position] {
    var merged = positions
    for delivery in deliveries {
      merged[delivery.webhook.name.description] = delivery.progress.position
    }
    return merged
  }
}
