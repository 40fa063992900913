internal import Projections

extension Generations {
  /// Removes generations that are neither live nor, with `keepingPrevious`, the previous one, and that
  /// no process folds into; answers their numbers and the bytes that they took.
  func prune(
    keepingPrevious: Bool
  ) throws(StoreFailure) -> (numbers: [UInt64], byteCount: UInt64) {
    try remove { (number) throws(StoreFailure) in
      let pointer = pointer
      return number != pointer?.live && !(keepingPrevious && number == pointer?.previous)
    }
  }

  /// Removes generations whose pages nobody can ever believe, but for the live one: what folds that a
  /// crash of the machine ended have left. Else every start that does not come to its end would leave
  /// another one.
  func pruneUseless() throws(StoreFailure) {
    _ = try remove { (number) throws(StoreFailure) in
      let isUseless = try isUseless(number)
      return isUseless && number != pointer?.live
    }
  }

  private func isUseless(_ number: UInt64) throws(StoreFailure) -> Bool {
    guard case .doubtful(let doubt) = try trust(of: number) else { return false }
    return !Unfitness(doubt).leavesPagesWhole
  }

  /// Removes a generation that is of no use, unless a process folds into it.
  func remove(_ number: UInt64) throws(StoreFailure) {
    _ = try remove { $0 == number }
  }

  private func remove(
    where isUnneeded: (UInt64) throws(StoreFailure) -> Bool
  ) throws(StoreFailure) -> (numbers: [UInt64], byteCount: UInt64) {
    var removed: [UInt64] = []
    var byteCount: UInt64 = 0
    for number in try numbers() {
      // Before the claim, because a claim on one that stays would look as if somebody folded into it; and
      // behind it, because a swap that went before changes the answer.
      guard try isUnneeded(number), let claim = try GenerationClaim(number, in: self),
        try isUnneeded(number)
      else { continue }
      byteCount += try Files.byteCount(ofDirectory: path(of: number))
      try Files.removeDirectory(path(of: number))
      removed.append(number)
      withExtendedLifetime(claim) {}
    }
    return (removed, byteCount)
  }
}
