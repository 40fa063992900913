internal import LMDB
public import QuotaModel

/// A hold as a projection keeps it: its folded state, and who made it.
public struct HoldEntry: Hashable, Sendable {
  /// Of an ended hold that may not be settled any more, the tables keep only the user and its end.
  public internal(set) var state: HoldState
  /// Who made it, as an account number; nobody else may end it.
  public let holder: AccountNumber

  public var hold: Hold { state.hold }
  public var isOpen: Bool { state.isOpen }
}

/// The stored form of a hold.
///
///     offset  bytes
///          0      1  how it ended, or 0
///          1     16  the user
///         17      4  the holder
///         21      8  the position of its end, or 0
///                    of an open or expired hold also:
///         29      8  tokens
///         37      8  the deadline
///         45      8  the session, or 0
///         53      8  credits
///         61      8  when its time to live began
///         69         budgets: the length of each, one byte, and its text
enum HoldRow {
  private static let endedByteCount = 29
  private static let openByteCount = 69

  static func bytes(of entry: HoldEntry) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(openByteCount)
    bytes.append(entry.state.end?.rawValue ?? 0)
    bytes.appendUser(entry.hold.user)
    bytes.appendInteger(entry.holder.rawValue)
    bytes.appendInteger(entry.state.endedAt.rawValue)
    // What was used of an expired hold may still come; of the others nothing is asked any more.
    guard entry.isOpen || entry.state.end == .expired else { return bytes }
    bytes.appendInteger(entry.hold.tokens.rawValue)
    bytes.appendInteger(entry.hold.expiresAt.microseconds)
    bytes.appendInteger(entry.hold.session?.position.rawValue ?? 0)
    bytes.appendInteger(entry.hold.credits.rawValue)
    bytes.appendInteger(entry.state.startedAt.microseconds)
    for budget in entry.hold.budgets {
      bytes.append(UInt8(budget.description.utf8.count))
      bytes.append(contentsOf: budget.description.utf8)
    }
    return bytes
  }

  static func entry(from row: RawSpan) throws(ProjectionFailure) -> HoldEntry {
    guard row.byteCount >= endedByteCount else { throw .malformedRow(table: "holds") }
    let end = HoldEnd(rawValue: row.byte(at: 0))
    guard end != nil || row.byte(at: 0) == 0 else { throw .malformedRow(table: "holds") }
    var hold = Hold(
      user: row.user(at: 1), tokens: .zero, expiresAt: Moment(microseconds: .max))
    let isWhole = end == nil || end == .expired
    if isWhole { try readOpen(row, into: &hold) }
    let state = HoldState(
      hold, startedAt: isWhole ? row.moment(at: 61) : Moment(microseconds: .min), end: end,
      endedAt: Position(row.word(at: 21)))
    return HoldEntry(state: state, holder: AccountNumber(row.halfWord(at: 17)))
  }

  private static func readOpen(_ row: RawSpan, into hold: inout Hold) throws(ProjectionFailure) {
    guard row.byteCount >= openByteCount, let credits = NanoCredits(row.integer(at: 53)) else {
      throw .malformedRow(table: "holds")
    }
    hold.tokens = try row.tokens(at: 29)
    hold.expiresAt = row.moment(at: 37)
    let session = row.word(at: 45)
    hold.session = session == 0 ? nil : SessionRef(Position(session))
    hold.credits = credits
    var offset = openByteCount
    while offset < row.byteCount {
      let end = offset + 1 + Int(row.byte(at: offset))
      guard end <= row.byteCount,
        let text = unsafe row.extracting(offset + 1..<end).withUnsafeBytes({
          unsafe String(validating: $0, as: UTF8.self)
        }), let budget = try? BudgetID(text)
      else { throw .malformedRow(table: "holds") }
      hold.budgets.append(budget)
      offset = end
    }
  }
}
