internal import QuotaModel

/// All consumers of a store. It looks at no clock and no file.
struct ConsumerBook: Hashable, Sendable {
  static let maximumCount = 1000

  private(set) var consumers: [ConsumerName: Consumer] = [:]

  /// Carries a request out. `head` is the position of the last event.
  mutating func carryOut(
    _ request: ConsumerRequest, head: Position, at moment: Moment
  ) -> ConsumerAnswer {
    do throws(ConsumerRefusal) {
      switch request {
      case .acknowledge(let name, let position, let mayRewind, let caller):
        if let position, position > head { throw .beyondHead(head) }
        guard let known = consumers[name] else {
          let made = Consumer(
            name: name, owner: caller.user, position: position ?? head, updatedAt: moment)
          return .kept(try add(made), isNew: true)
        }
        try known.check(caller)
        guard let position, position != known.position else { return .kept(known, isNew: false) }
        guard mayRewind || position > known.position else { throw .behind(known.position) }
        return .kept(move(known, to: position, at: moment), isNew: false)
      case .remove(let name, let caller):
        guard let known = consumers[name] else { throw .unknown }
        try known.check(caller)
        consumers[name] = nil
        return .removed
      }
    } catch {
      return .refused(error)
    }
  }

  private mutating func add(_ consumer: Consumer) throws(ConsumerRefusal) -> Consumer {
    guard consumers.count < Self.maximumCount else { throw .tooMany(limit: Self.maximumCount) }
    consumers[consumer.name] = consumer
    return consumer
  }

  private mutating func move(
    _ consumer: Consumer, to position: Position, at moment: Moment
  ) -> Consumer {
    var moved = consumer
    moved.position = position
    moved.updatedAt = moment
    consumers[moved.name] = moved
    return moved
  }
}

extension Consumer {
  fileprivate func check(_ caller: ConsumerCaller) throws(ConsumerRefusal) {
    guard caller.mayChangeAll || caller.user == owner else { throw .ofAnother }
  }
}

/// As lines: name, position, owner, microseconds of the last change.
extension ConsumerBook {
  /// `head`: a log that was restored from an older backup gives positions behind its end to new events.
  init(_ file: PositionFile, head: Position) throws(StoreFailure) {
    for words in try file.read() {
      guard words.count == 4, let name = try? ConsumerName(String(words[0])),
        let position = UInt64(words[1]), let owner = UserID(spelling: String(words[2])),
        let microseconds = Int64(words[3]), consumers[name] == nil
      else { throw file.damage }
      consumers[name] = Consumer(
        name: name, owner: owner, position: min(Position(position), head),
        updatedAt: Moment(microseconds: microseconds))
    }
  }

  var lines: [String] {
    sorted.map { "\($0.name) \($0.position) \($0.owner) \($0.updatedAt.microseconds)" }
  }

  /// In the order of their names.
  var sorted: [Consumer] { consumers.values.sorted { $0.name < $1.name } }
}
