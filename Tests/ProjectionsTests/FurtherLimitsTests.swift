import LMDB
import QuotaModel
import TestSupport
import Testing

@testable import Projections

@Suite struct `Limits behind an account's row` {
  private static func account(_ limit: TokenLimit?, _ mode: LimitMode?) -> Account {
    var account = Account(user: UserID(high: 1, low: 2), role: .user)
    account.ownLimits.yearly = limit
    account.ownModes.yearly = mode
    return account
  }

  @Test func `are read as they were written, and take nothing where there are none`() throws {
    for limit in [nil, .unlimited, TokenLimit(0), .highest] as [TokenLimit?] {
      for mode in [nil] + LimitMode.allCases.map(Optional.some) {
        let written = Self.account(limit, mode)
        let bytes = FurtherLimits.bytes(of: written)
        #expect(bytes.isEmpty == (limit == nil && mode == nil))
        var read = Self.account(nil, nil)
        try FurtherLimits.read(bytes.rawBytes, into: &read)
        #expect(read == written)
      }
    }
  }

  /// A damaged limit must not be taken for none: that would let everything through.
  @Test(arguments: [(0, -2), (0, Int64.max), (8, 4), (8, 256), (8, -1)] as [(Int, Int64)])
  func `are refused where they are none that there are`(offset: Int, number: Int64) {
    var bytes = FurtherLimits.bytes(of: Self.account(TokenLimit(5), .soft))
    for (place, shift) in (0..<8).map({ (offset + $0, 8 * $0) }) {
      bytes[place] = UInt8(truncatingIfNeeded: number >> Int64(shift))
    }
    #expect(throws: ProjectionFailure.malformedRow(table: "accounts")) {
      var account = Self.account(nil, nil)
      try FurtherLimits.read(bytes.rawBytes, into: &account)
    }
  }
}
