internal import QuotaModel

/// How many model calls go out of this process at once: each user has a share of them, so that nobody
/// whose endpoints hang keeps the others from theirs.
struct OutgoingCalls {
  static let maximumCount = 2000
  static let maximumCountPerUser = 250

  private var count = 0
  private var counts: [UserID?: Int] = [:]

  /// Counts a call of a user, or of the operator; false where there is no room.
  mutating func begin(of user: UserID?) -> Bool {
    guard count < Self.maximumCount, counts[user, default: 0] < Self.maximumCountPerUser else {
      return false
    }
    count += 1
    counts[user, default: 0] += 1
    return true
  }

  mutating func end(of user: UserID?) {
    guard let own = counts[user] else { return }
    count -= 1
    counts[user] = own == 1 ? nil : own - 1
  }
}
