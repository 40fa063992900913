internal import LMDB
internal import QuotaModel

extension FoldBatch {
  /// Writes everything that is in memory only, table by table, in the order of the keys.
  ///
  /// The overlay shows the batch before the tables do and until they do, so that readers neither wait
  /// for the pages to be written nor see a part of it.
  consuming func store() throws(ProjectionFailure) {
    let folder = self.folder
    if folder.purpose == .deciding {
      folder.generation.overlay.update { folder.working.publish(in: &$0) }
    }
    do throws(LMDBError) {
      try storeAccounts()
      try storeRequests()
      try storePast()
      let key = StateRow.key
      let row = StateRow.bytes(of: folder.working.state)
      try transaction.put(row.rawBytes, under: key.rawBytes, in: tables.meta)
      try transaction.commit()
    } catch {
      throw ProjectionFailure(error)
    }
    folder.generation.overlay.update { $0 = OverlayContent() }
    folder.working.forgetStored()
  }

  private mutating func storeAccounts() throws(LMDBError) {
    let changed = folder.working.accounts.takeDirty()
    let folder = folder
    try transaction.putInOrder(in: tables.accounts) { (table) throws(LMDBError) in
      for index in changed {
        let entry = folder.working.accounts.entry(at: index)
        let key = Key.account(entry.account.user)
        let row = AccountRow.bytes(of: entry)
        try table.put(row.rawBytes, under: key.rawBytes)
      }
    }
  }

  private mutating func storeRequests() throws(LMDBError) {
    let folder = folder
    try transaction.putInOrder(in: tables.requests) { (table) throws(LMDBError) in
      try folder.working.requests.forEachSorted { (key, position) throws(LMDBError) in
        let row = Key.number(position.byteSwapped)
        try table.put(row.rawBytes, under: key)
      }
    }
  }

  private mutating func storePast() throws(LMDBError) {
    let past = folder.working.past
    try transaction.putInOrder(in: tables.windows) { (table) throws(LMDBError) in
      for (window, used) in past.windows.sorted(by: { $0.key < $1.key }) {
        let key = Key.window(window.account, window.period, start: window.start)
        let row = Key.number(UInt64(used.rawValue).byteSwapped)
        try table.put(row.rawBytes, under: key.rawBytes)
      }
    }
    try transaction.putInOrder(in: tables.history) { (table) throws(LMDBError) in
      for (account, blocks) in past.blocks.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
        for block in blocks {
          let key = Key.history(account, from: block.positions[0])
          try table.put(block.positions.rawBytes, under: key.rawBytes)
        }
      }
    }
  }
}

extension WindowKey: Comparable {
  /// The order of the keys in the table.
  static func < (left: WindowKey, right: WindowKey) -> Bool {
    (left.account.rawValue, left.period.rawValue, left.start)
      < (right.account.rawValue, right.period.rawValue, right.start)
  }
}

extension WorkingSet {
  /// Shows readers what the running batch changed.
  mutating func publish(in content: inout OverlayContent) {
    content.state = state
    for index in touched {
      content.accounts.set(accounts.entry(at: index))
    }
    touched.removeAll(keepingCapacity: true)
    if content.past.count != past.count || !past.windows.isEmpty { content.past = past }
  }

  /// Notes that the tables have everything.
  mutating func forgetStored() {
    requests.removeAll()
    past.removeAll()
    touched.removeAll(keepingCapacity: true)
    unstoredCount = 0
    hasDirectWrites = false
  }
}
