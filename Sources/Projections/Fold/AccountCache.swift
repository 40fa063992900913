internal import QuotaModel

/// Accounts in memory, found by user id: an open-addressing table of indices into a dense array.
///
/// A dictionary would spend more on hashing than the whole fold of a spend costs.
struct AccountCache: Sendable {
  struct Slot: Sendable {
    // What every spend reads lies close together, from here to the number of recent positions.
    /// Whether it differs from its row.
    var isDirty = false
    /// Whether the running batch changed it.
    var isTouched = false
    var entry: AccountEntry

    /// Something of each 64 bytes that a spend reads, wherever they begin: the gaps are smaller.
    fileprivate var readMemory: UInt64 {
      (isDirty ? 1 : 0) &+ entry.account.user.low
        &+ UInt64(bitPattern: entry.account.latest.daily.start.microseconds)
        &+ UInt64(entry.account.latest.monthly.used.rawValue) &+ UInt64(entry.recent.count)
    }
  }

  private(set) var slots: [Slot] = []
  private(set) var dirtyIndices: [Int] = []
  /// Index plus one of the slot in the lower half, a part of the user's hash in the upper, so that a
  /// slot is looked at, which is far from everything in memory, only where it is the right one.
  /// Zero is free. The count is a power of two.
  private var table: [UInt64] = Array(repeating: 0, count: 1024)
  /// Where users were found by the part of their hash that the table has; -1 for nowhere.
  private var likelyIndices: [Int] = []
  /// What `warm` read, kept because the compiler leaves out what nobody keeps.
  private var warmth: UInt64 = 0

  var count: Int { slots.count }

  func index(of user: UserID) -> Int? {
    let hash = Self.hash(of: user)
    var place = Int(truncatingIfNeeded: hash) & (table.count - 1)
    while table[place] != 0 {
      let index = Int(table[place] & 0xFFFF_FFFF) - 1
      if table[place] >> 32 == hash >> 32, slots[index].entry.account.user == user { return index }
      place = (place + 1) & (table.count - 1)
    }
    return nil
  }

  /// Has the accounts of these users brought into the processor's cache, and notes their likely
  /// indices.
  ///
  /// One after the other, each look-up waits for memory several times; here the waits overlap.
  mutating func warm(_ users: [UserID]) {
    while likelyIndices.count < users.count { likelyIndices.append(-1) }
    let sum = Self.readPlaces(of: users, in: table)
    Self.look(for: users, in: table, &likelyIndices)
    warmth = sum &+ Self.read(slots, at: likelyIndices.prefix(users.count))
  }

  // The loops do nothing but read, on spans: whatever counts references in between would have each
  // read wait for the one before. So would a branch that depends on what was read and is guessed wrong,
  // hence one loop that only touches the places and another that looks at them.

  private static func readPlaces(of users: [UserID], in table: [UInt64]) -> UInt64 {
    let users = users.span
    let table = table.span
    var sum: UInt64 = 0
    for index in users.indices {
      sum &+= table[Int(truncatingIfNeeded: hash(of: users[index])) & (table.count - 1)]
    }
    return sum
  }

  private static func look(
    for users: [UserID], in table: [UInt64], _ indices: inout [Int]
  ) {
    let users = users.span
    let table = table.span
    var indices = indices.mutableSpan
    for index in users.indices {
      let hash = hash(of: users[index])
      var place = Int(truncatingIfNeeded: hash) & (table.count - 1)
      while table[place] != 0, table[place] >> 32 != hash >> 32 {
        place = (place + 1) & (table.count - 1)
      }
      indices[index] = Int(table[place] & 0xFFFF_FFFF) - 1
    }
  }

  private static func read(_ slots: [Slot], at indices: ArraySlice<Int>) -> UInt64 {
    let slots = slots.span
    let indices = indices.span
    var sum: UInt64 = 0
    for place in indices.indices where indices[place] >= 0 {
      sum &+= slots[indices[place]].readMemory
    }
    return sum
  }

  /// The index of an account that is `place`-th of those that were warmed; nil where it has to be
  /// searched.
  func index(of user: UserID, warmedAt place: Int) -> Int? {
    let index = likelyIndices[place]
    return index >= 0 && slots[index].entry.account.user == user ? index : nil
  }

  /// Adds an account that is not there; answers its index.
  mutating func insert(_ entry: AccountEntry) -> Int {
    if (slots.count + 1) * 2 > table.count { grow() }
    if slots.count == slots.capacity { slots.moveToLargePages(capacity: max(64, 2 * slots.count)) }
    slots.append(Slot(entry: entry))
    place(slots.count - 1)
    return slots.count - 1
  }

  func entry(at index: Int) -> AccountEntry { slots[index].entry }

  func account(at index: Int) -> Account { slots[index].entry.account }

  func number(at index: Int) -> AccountNumber { slots[index].entry.number }

  func lifetime(at index: Int) -> TokenCount { slots[index].entry.account.lifetime }

  /// Answers whether this is the first time since `clearTouch`.
  mutating func touch(at index: Int) -> Bool {
    if slots[index].isTouched { return false }
    slots[index].isTouched = true
    return true
  }

  mutating func clearTouch(at index: Int) { slots[index].isTouched = false }

  /// Changes an account in place and remembers that it has to be stored.
  mutating func update<Result, Failure: Error>(
    at index: Int, _ change: (inout AccountEntry) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    if !slots[index].isDirty {
      slots[index].isDirty = true
      dirtyIndices.append(index)
    }
    return try change(&slots[index].entry)
  }

  /// The indices of the changed accounts; none counts as changed afterwards.
  mutating func takeDirty() -> [Int] {
    for index in dirtyIndices { slots[index].isDirty = false }
    defer { dirtyIndices.removeAll(keepingCapacity: true) }
    return dirtyIndices
  }

  /// Adds an account or replaces what is known of it.
  mutating func set(_ entry: AccountEntry) {
    if let index = index(of: entry.account.user) {
      slots[index].entry = entry
    } else {
      _ = insert(entry)
    }
  }

  /// Forgets every account; the memory stays.
  mutating func removeAll() {
    guard !slots.isEmpty else { return }
    slots.removeAll(keepingCapacity: true)
    dirtyIndices.removeAll(keepingCapacity: true)
    for place in table.indices { table[place] = 0 }
  }

  /// Forgets the accounts that came first, half of all, but for those that differ from their rows.
  mutating func removeOldest() {
    let half = slots.count / 2
    let kept = slots.enumerated().filter { $0.offset >= half || $0.element.isDirty }
    self = AccountCache()
    for slot in kept {
      let index = insert(slot.element.entry)
      guard slot.element.isDirty else { continue }
      slots[index].isDirty = true
      dirtyIndices.append(index)
    }
  }

  private mutating func grow() {
    table = Array(repeating: 0, count: table.count * 2)
    for index in slots.indices { place(index) }
  }

  private mutating func place(_ index: Int) {
    let hash = Self.hash(of: slots[index].entry.account.user)
    var place = Int(truncatingIfNeeded: hash) & (table.count - 1)
    while table[place] != 0 { place = (place + 1) & (table.count - 1) }
    table[place] = (hash >> 32) << 32 | UInt64(index + 1)
  }

  private static func hash(of user: UserID) -> UInt64 {
    let mixed = (user.high ^ user.low &* 0x9E37_79B9_7F4A_7C15) &* 0xD6E8_FEB8_6659_FD93
    return mixed ^ (mixed >> 32)
  }
}
