internal import LMDB
internal import QuotaModel

extension FoldBatch {
  mutating func open(
    _ hold: Hold, _ event: borrowing FoldedEvent
  ) throws(ProjectionFailure) {
    guard let index = try index(of: hold.user) else {
      throw .contradiction(
        at: event.position, "concerns user \(hold.user), whom no event registered")
    }
    let id = HoldID(event.position)
    let entry = HoldEntry(hold: hold, holder: try scope(of: event.actor))
    let key = Key.number(id.position.rawValue)
    let expiry = Key.expiry(hold.expiresAt, id)
    put(HoldRow.bytes(of: entry), under: key.rawBytes, in: tables.holds)
    put([], under: expiry.rawBytes, in: tables.expiries)
    folder.working.accounts.update(at: index) { $0.account.reserve(hold.tokens) }
    note(event.position, at: index)
  }

  /// Ends a hold; one that has ended already stays ended.
  mutating func end(_ id: HoldID) throws(ProjectionFailure) {
    guard let hold = try self.hold(id)?.hold else { return }
    let key = Key.number(id.position.rawValue)
    let expiry = Key.expiry(hold.expiresAt, id)
    remove(key.rawBytes, from: tables.holds)
    remove(expiry.rawBytes, from: tables.expiries)
    guard let index = try index(of: hold.user) else { return }
    folder.working.accounts.update(at: index) { $0.account.release(hold.tokens) }
  }
}
