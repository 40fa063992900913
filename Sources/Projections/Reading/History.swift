internal import LMDB
public import QuotaModel

extension Snapshot {
  /// Positions of events that concern an account, in order, from behind `position` on, up to that of the
  /// state.
  public func history(
    of entry: AccountEntry, after position: Position, limit: Int
  ) throws(ProjectionFailure) -> [Position] {
    let cursor: Cursor
    do {
      cursor = try transaction.cursor(in: tables.history)
    } catch {
      throw ProjectionFailure(error)
    }
    return try positions(
      of: entry, pending: overlay.blocks(of: entry.number), after: position,
      until: try state().position, limit: limit, in: cursor)
  }
}

extension FoldBatch {
  /// Positions of events that concern a user, this batch included.
  public mutating func history(
    of user: UserID, after position: Position, limit: Int
  ) throws(ProjectionFailure) -> [Position] {
    guard let index = try index(of: user) else { return [] }
    let cursor: Cursor
    do {
      cursor = try self.cursor(in: tables.history)
    } catch {
      throw ProjectionFailure(error)
    }
    let entry = folder.working.accounts.entry(at: index)
    let storing = folder.working.storing?.past.blocks[entry.number] ?? []
    let waiting = folder.working.past.blocks[entry.number] ?? []
    return try positions(
      of: entry, pending: storing + waiting, after: position, until: state.position, limit: limit,
      in: cursor)
  }
}

/// Reads blocks of the history table, then those that wait to be stored, then the positions that the
/// account still carries.
///
/// A store job writes blocks before the state that they belong to: what the table has behind `end` is for
/// whoever reads the next state. Of a block that holds both, the first positions count.
private func positions(
  of entry: AccountEntry, pending: [HistoryBlock], after position: Position, until end: Position,
  limit: Int, in cursor: consuming Cursor
) throws(ProjectionFailure) -> [Position] {
  var positions: [Position] = []
  var isWhole = true
  do throws(LMDBError) {
    var block = try cursor.block(of: entry.number, holding: position)
    blocks: while let found = block, found.belongs(to: entry.number), positions.count < limit {
      isWhole = isWhole && found.value.byteCount == 8 * RecentPositions.capacity
      guard isWhole else { break }
      for offset in stride(from: 0, to: found.value.byteCount, by: 8) {
        let found = Position(found.value.word(at: offset))
        guard found <= end else { break blocks }
        if found > position, positions.count < limit { positions.append(found) }
      }
      block = try cursor.next()
    }
  } catch {
    throw ProjectionFailure(error)
  }
  guard isWhole else { throw .malformedRow(table: "history") }
  // A block that is being stored may be in the table already.
  let stored = positions.last ?? position
  for block in pending {
    for place in 0..<RecentPositions.capacity {
      let found = Position(block.positions[place])
      if found > stored, positions.count < limit { positions.append(found) }
    }
  }
  // So may what an entry carries that was read before the block was made.
  let listed = positions.last ?? position
  for index in 0..<entry.recent.count {
    let found = Position(entry.recent.positions[index])
    if found > listed, positions.count < limit { positions.append(found) }
  }
  return positions
}

extension Entry {
  fileprivate func belongs(to account: AccountNumber) -> Bool {
    key.byteCount >= 4 && key.halfWord(at: 0).byteSwapped == account.rawValue
  }
}

extension Cursor {
  /// The block of an account's history that may hold `position`, or the first one behind it.
  @_lifetime(copy self)
  fileprivate mutating func block(
    of account: AccountNumber, holding position: Position
  ) throws(LMDBError) -> Entry? {
    let key = Key.history(account, from: position.rawValue)
    let behind = try seek(key.rawBytes)
    let before = behind == nil ? try last() : try previous()
    if let before, before.belongs(to: account) { return before }
    return try seek(key.rawBytes)
  }
}
