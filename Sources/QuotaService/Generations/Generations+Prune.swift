extension Generations {
  /// Removes generations that are neither live nor, with `keepingPrevious`, the previous one, and that
  /// no process folds into; answers their numbers and the bytes that they took.
  func prune(
    keepingPrevious: Bool
  ) throws(StoreFailure) -> (numbers: [UInt64], byteCount: UInt64) {
    var removed: [UInt64] = []
    var byteCount: UInt64 = 0
    for number in try numbers() {
      guard let claim = try GenerationClaim(number, in: self) else { continue }
      // Looked at behind the claim: a swap that went before has changed it.
      let pointer = pointer
      if number == pointer?.live || (keepingPrevious && number == pointer?.previous) { continue }
      byteCount += try usingFiles { () throws(FileFailure) in
        let count = try Files.byteCount(ofDirectory: path(of: number))
        try Files.removeDirectory(path(of: number))
        return count
      }
      removed.append(number)
      withExtendedLifetime(claim) {}
    }
    return (removed, byteCount)
  }
}
