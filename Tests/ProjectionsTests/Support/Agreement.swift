import Projections
import QuotaModel
import Testing

/// Asks a projection everything that there is to ask, and expects the answers of a reckoning.
struct Agreement {
  let reckoning: PlainReckoning
  let seed: UInt64

  private var comment: Comment { "position \(reckoning.position), seed \(seed)" }

  /// What readers see.
  func check(_ generation: Generation) throws {
    try generation.read { (snapshot) throws(ProjectionFailure) in
      check(try snapshot.state())
      for user in reckoning.users { try check(user, in: snapshot) }
      #expect(try snapshot.account(UserID(high: 0, low: 0)) == nil, comment)
      for issue in reckoning.tokens.values {
        let entry = try snapshot.token(issue.digest)
        #expect(entry?.token == (isRevoked(issue) ? nil : issue.token), comment)
        #expect(entry == nil || entry?.expiresAt == issue.expiresAt, comment)
      }
      for event in reckoning.events {
        let id = HoldID(event.position)
        let open = try snapshot.hold(id).flatMap { $0.isOpen ? $0.hold : nil }
        #expect(open == reckoning.openHolds[id]?.hold, comment)
      }
      try checkPages(of: snapshot)
    }
  }

  private func check(_ state: ProjectionState) {
    #expect(state.position == reckoning.position, comment)
    #expect(state.recordedAt == reckoning.recordedAt, comment)
    #expect(state.accountCount == UInt32(reckoning.users.count), comment)
    #expect(state.defaults == reckoning.defaults, comment)
    #expect(state.policy == reckoning.policy, comment)
    #expect(state.hasSpends == reckoning.hasSpends, comment)
    #expect(state.calendar == reckoning.setting, comment)
  }

  private func check(
    _ user: UserID, in snapshot: borrowing Snapshot
  ) throws(ProjectionFailure) {
    guard let entry = try snapshot.account(user) else {
      Issue.record("user \(user) is missing, \(comment)")
      return
    }
    #expect(entry.account == reckoning.account(user), comment)
    for (window, used) in reckoning.used(by: user) {
      #expect(
        try snapshot.used(by: entry, in: window, of: reckoning.calendar) == .of(used), comment)
    }
    for window in reckoning.windows(containing: .latest) {
      #expect(try snapshot.used(by: entry, in: window, of: reckoning.calendar) == .zero, comment)
    }
    for (after, limit) in steps(of: user) {
      let found = try snapshot.history(of: entry, after: after, limit: limit)
      #expect(found == reckoning.history(of: user, after: after, limit: limit), comment)
    }
  }

  private func checkPages(of snapshot: borrowing Snapshot) throws(ProjectionFailure) {
    let expected = reckoning.users.sorted()
    var found: [UserID] = []
    while true {
      let page = try snapshot.storedAccounts(after: found.last, limit: 3)
      #expect(page.count <= 3, comment)
      for account in page.map(\.account) {
        guard let expected = reckoning.account(account.user) else { continue }
        #expect(account.role == expected.role, comment)
        #expect(account.isActive == expected.isActive, comment)
        #expect(account.isErased == expected.isErased, comment)
        #expect(account.ownLimits == expected.ownLimits, comment)
      }
      if page.isEmpty { break }
      found += page.map(\.account.user)
    }
    #expect(found == expected, comment)
  }

  /// Places to read a history from, and how much of it.
  private func steps(of user: UserID) -> [(after: Position, limit: Int)] {
    let positions = reckoning.history(of: user, after: .zero, limit: .max)
    let middle = positions[positions.count / 2]
    return [
      (.zero, .max), (.zero, 1), (.zero, 20), (middle, .max), (middle, 17),
      (Position(middle.rawValue - 1), 1), (positions[positions.count - 1], 5),
    ]
  }

  private func isRevoked(_ issue: TokenIssue) -> Bool {
    reckoning.revoked.contains(issue.token)
  }
}

extension Agreement {
  /// What decisions see that are made in the running batch.
  func check(_ batch: inout FoldBatch) throws(ProjectionFailure) {
    check(batch.state)
    for user in reckoning.users { try check(user, in: &batch) }
    for (request, position) in reckoning.requests {
      let found = try batch.position(ofRequest: request.id, by: request.actor)
      #expect(found == position, "\(request), \(comment)")
    }
    for issue in reckoning.tokens.values {
      #expect(try batch.token(issue.token)?.isRevoked == isRevoked(issue), comment)
      #expect(try batch.hasToken(issue.digest) != isRevoked(issue), comment)
    }
    for event in reckoning.events {
      let id = HoldID(event.position)
      let open = try batch.hold(id).flatMap { $0.isOpen ? $0.hold : nil }
      #expect(open == reckoning.openHolds[id]?.hold, comment)
    }
  }

  private func check(_ user: UserID, in batch: inout FoldBatch) throws(ProjectionFailure) {
    for (after, limit) in steps(of: user) {
      let found = try batch.history(of: user, after: after, limit: limit)
      #expect(found == reckoning.history(of: user, after: after, limit: limit), comment)
    }
    guard let entry = try batch.account(user) else {
      Issue.record("user \(user) is missing, \(comment)")
      return
    }
    #expect(entry.account == reckoning.account(user), comment)
    #expect(try batch.lifetime(of: user) == entry.account.lifetime, comment)
    let known = reckoning.used(by: user)
    for window in known.keys where window.period == .daily {
      let windows = batch.windows(containing: window.start)
      let used = try batch.used(by: entry, in: windows)
      for period in Period.allCases {
        let isAsked = entry.account.counts(period, defaults: reckoning.defaults.limits)
        #expect(used[period] == .of(isAsked ? known[windows[period]] ?? 0 : 0), comment)
      }
    }
  }

  /// What has run out by now and at the very first deadline, asked as a batch begins.
  func checkExpiries(_ batch: inout FoldBatch) throws(ProjectionFailure) {
    for moment in [reckoning.recordedAt, reckoning.firstDeadline ?? .earliest] {
      let (found, areAll) = try batch.holds(expiredAt: moment, limit: 1000)
      #expect(areAll, comment)
      #expect(found.map(\.id) == reckoning.expired(at: moment), comment)
      for (id, entry) in found {
        let actor = reckoning.openHolds[id]?.actor ?? .service
        #expect(try batch.scope(of: actor) == entry.holder, comment)
      }
      let some = try batch.holds(expiredAt: moment, limit: 2)
      #expect(some.holds.count >= min(2, found.count), comment)
    }
    let earliest = try batch.earliestDeadline()
    if let first = reckoning.firstDeadline {
      #expect(earliest.map { $0 <= first } == true, comment)
    }
  }
}
