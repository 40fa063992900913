internal import QuotaModel

/// Counts the losses of rights, so that whoever hands over a command can say which of them it knew of.
///
/// Rights are asked for when a command comes; until it is decided, some may have gone.
public struct RightsEpoch: Comparable, Sendable {
  private let number: UInt64

  /// Before the first loss.
  public static let first = RightsEpoch(number: 0)
  /// That of commands which have to be carried out whoever lost what: their rights were used up before.
  public static let settled = RightsEpoch(number: .max)

  public static func < (a: RightsEpoch, b: RightsEpoch) -> Bool { a.number < b.number }

  var next: RightsEpoch { RightsEpoch(number: number + 1) }
}

/// Who lost a right, and when. Belongs to the committer's thread.
struct LostRights {
  /// Users who are remembered; of commands from before those who are not, nobody knows any more.
  static let capacity = 4096

  private(set) var epoch = RightsEpoch.first
  private var losses: [UserID: RightsEpoch] = [:]
  /// Everybody may have lost something by then.
  private var forgotten = RightsEpoch.first

  /// Notes what a decision takes away, before the next one is made.
  mutating func note(_ fact: Fact) {
    guard case .loss(let user) = fact.rightsChange else { return }
    epoch = epoch.next
    if losses.count == Self.capacity, losses[user] == nil {
      losses.removeAll()
      forgotten = epoch
    }
    losses[user] = epoch
  }

  /// Whether the rights that a command was given may have gone since.
  func mayConcern(_ actor: Actor, since seen: RightsEpoch) -> Bool {
    guard seen < epoch, case .user(let user) = actor else { return false }
    return seen < forgotten || losses[user].map { seen < $0 } ?? false
  }
}
