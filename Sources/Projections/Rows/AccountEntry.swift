internal import LMDB
public import QuotaModel

/// An account as a projection keeps it: the folded state and the end of its history.
public struct AccountEntry: Sendable {
  public let number: AccountNumber
  public var account: Account
  /// The positions of the account's latest events that are not in the history table yet.
  var recent: RecentPositions

  init(number: AccountNumber, account: Account) {
    self.number = number
    self.account = account
    recent = RecentPositions()
  }

  /// Adds an event to the history; answers a block when it is full.
  mutating func note(_ position: Position) -> HistoryBlock? {
    recent.append(position.rawValue)
    guard recent.isFull else { return nil }
    defer { recent.removeAll() }
    return HistoryBlock(positions: recent.positions)
  }
}

/// Up to 8 positions, so that the history table is written once for 8 events.
struct RecentPositions: Sendable {
  static let capacity = 8
  private(set) var count = 0
  private(set) var positions = InlineArray<8, UInt64>(repeating: 0)

  var isFull: Bool { count == Self.capacity }

  mutating func append(_ position: UInt64) {
    positions[count] = position
    count += 1
  }

  mutating func removeAll() { count = 0 }
}

/// The stored form of an account, 160 bytes, so that an update overwrites it in place; and `FurtherLimits`
/// behind them where the account has any.
///
///     offset  bytes
///          0      4  number
///          4      1  role
///          5      1  bit 0: active; bit 1: has allowances; from bit 2 on two bits for each counted
///                    period's own mode: its number plus one, or 0 for none
///          6      1  which own limits are set, a bit for each counted period; bit 3: erased
///          7      1  number of recent positions
///          8     24  own limits, seven bytes each, and the highest threshold told, one byte
///         32     48  latest windows: start, used
///         80      8  reserved
///         88      8  lifetime
///         96     64  recent positions
enum AccountRow {
  static let byteCount = 160

  /// Words, because a row is written for nearly every event and nothing else is as quick.
  static func bytes(of entry: AccountEntry) -> InlineArray<20, UInt64> {
    var words = InlineArray<20, UInt64>(repeating: 0)
    let account = entry.account
    words[0] =
      UInt64(entry.number.rawValue) | UInt64(account.role.rawValue) << 32
      | UInt64(flags(of: account)) << 40 | UInt64(limitFlags(of: account)) << 48
      | UInt64(entry.recent.count) << 56
    for period in CountedPeriod.allCases {
      let index = Int(period.rawValue)
      words[1 + index] =
        UInt64(bitPattern: account.ownLimits[period.period]?.rawValue ?? 0) & ~toldMask
        | UInt64(account.told[period]) << 56
      words[4 + 2 * index] = UInt64(bitPattern: account.latest[period].start.microseconds)
      words[5 + 2 * index] = UInt64(account.latest[period].used.rawValue)
    }
    words[10] = UInt64(account.reserved.rawValue)
    words[11] = UInt64(account.lifetime.rawValue)
    for index in 0..<entry.recent.count { words[12 + index] = entry.recent.positions[index] }
    return words
  }

  static func entry(of user: UserID, from row: RawSpan) throws(ProjectionFailure) -> AccountEntry {
    guard row.byteCount >= byteCount, let role = Role(rawValue: row.byte(at: 4)),
      row.byte(at: 7) <= RecentPositions.capacity
    else { throw .malformedRow(table: "accounts") }
    var account = Account(
      user: user, role: role, isActive: row.byte(at: 5) & 1 == 1,
      reserved: try row.tokens(at: 80), lifetime: try row.tokens(at: 88))
    account.hasAllowances = row.byte(at: 5) & 2 != 0
    if row.byte(at: 6) & erasedFlag != 0 { account.erase() }
    for period in CountedPeriod.allCases {
      let index = Int(period.rawValue)
      if row.byte(at: 6) & 1 << index != 0 {
        // The byte of the threshold goes, and the limit's sign comes back.
        guard let limit = TokenLimit((row.integer(at: 8 + 8 * index) << 8) >> 8) else {
          throw .malformedRow(table: "accounts")
        }
        account.ownLimits[period.period] = limit
      }
      account.told[period] = row.byte(at: 15 + 8 * index)
      let mode = row.byte(at: 5) >> UInt8(2 + 2 * index) & 3
      account.ownModes[period.period] = mode == 0 ? nil : LimitMode(rawValue: mode - 1)
      account.latest[period] = WindowUsage(
        start: row.moment(at: 32 + 16 * index), used: try row.tokens(at: 40 + 16 * index))
    }
    try FurtherLimits.read(row.extracting(byteCount..<row.byteCount), into: &account)
    var entry = AccountEntry(number: AccountNumber(row.halfWord(at: 0)), account: account)
    for index in 0..<Int(row.byte(at: 7)) { entry.recent.append(row.word(at: 96 + 8 * index)) }
    return entry
  }

  private static let toldMask: UInt64 = 0xFF << 56

  private static func flags(of account: Account) -> UInt8 {
    CountedPeriod.allCases.reduce((account.isActive ? 1 : 0) | (account.hasAllowances ? 2 : 0)) {
      $0 | (account.ownModes[$1.period].map { $0.rawValue + 1 } ?? 0) << (2 + 2 * $1.rawValue)
    }
  }

  private static let erasedFlag: UInt8 = 8

  private static func limitFlags(of account: Account) -> UInt8 {
    let limits = account.ownLimits
    return CountedPeriod.allCases.reduce(account.isErased ? erasedFlag : 0) {
      $0 | (limits[$1.period] == nil ? 0 : 1 << $1.rawValue)
    }
  }
}

/// Own limits and modes of the periods that are not counted, of which few accounts have any: for each of
/// these periods the limit, 8 bytes, the least number for none, and the mode, 8 bytes: its number plus one, or 0
/// for none.
enum FurtherLimits {
  private static let periods = Period.allCases.filter { $0.counted == nil }

  /// Nothing where there are none.
  static func bytes(of account: Account) -> [UInt8] {
    guard periods.contains(where: { account.hasOwn($0) }) else { return [] }
    var bytes: [UInt8] = []
    for period in periods {
      bytes.appendInteger(account.ownLimits[period]?.rawValue ?? .min)
      bytes.appendInteger(account.ownModes[period].map { UInt64($0.rawValue) + 1 } ?? 0)
    }
    return bytes
  }

  static func read(_ row: RawSpan, into account: inout Account) throws(ProjectionFailure) {
    if row.isEmpty { return }
    guard row.byteCount == 16 * periods.count else { throw .malformedRow(table: "accounts") }
    for (index, period) in periods.enumerated() {
      let (number, mode) = (row.integer(at: 16 * index), row.word(at: 16 * index + 8))
      account.ownLimits[period] = TokenLimit(number)
      account.ownModes[period] =
        mode == 0 ? nil : UInt8(exactly: mode - 1).flatMap(LimitMode.init(rawValue:))
      // What is neither "none" nor a limit or a mode is damage, not nothing.
      guard (number == .min) == (account.ownLimits[period] == nil),
        (mode == 0) == (account.ownModes[period] == nil)
      else { throw .malformedRow(table: "accounts") }
    }
  }
}

extension Account {
  fileprivate func hasOwn(_ period: Period) -> Bool {
    ownLimits[period] != nil || ownModes[period] != nil
  }
}

extension RawSpan {
  func integer(at offset: Int) -> Int64 { Int64(bitPattern: word(at: offset)) }

  func moment(at offset: Int) -> Moment { Moment(microseconds: integer(at: offset)) }

  func tokens(at offset: Int) throws(ProjectionFailure) -> TokenCount {
    guard let tokens = TokenCount(integer(at: offset)) else {
      throw .malformedRow(table: "accounts")
    }
    return tokens
  }

  func user(at offset: Int) -> UserID {
    UserID(
      high: word(at: offset).byteSwapped, low: word(at: offset + 8).byteSwapped)
  }
}

extension [UInt8] {
  mutating func appendUser(_ user: UserID) {
    appendInteger(user.high.byteSwapped)
    appendInteger(user.low.byteSwapped)
  }
}
