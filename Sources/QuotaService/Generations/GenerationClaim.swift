/// The right of one process to fold into a generation that is not live, or to remove it.
///
/// It ends with the process, so that what a killed one left behind can be told from what is being made.
struct GenerationClaim: Sendable {
  let number: UInt64
  private let lock: FileLock

  /// Takes an existing generation; nil where another process has it.
  init?(_ number: UInt64, in generations: Generations) throws(StoreFailure) {
    let file = Self.file(of: number, in: generations)
    guard Files.exists(generations.path(of: number)) else { return nil }
    let lock = try FileLock(file)
    guard let lock else { return nil }
    self.number = number
    self.lock = lock
  }

  /// Makes the directory of the next generation, and takes it. It gets no number that the pointer names,
  /// even where that one was removed: nobody may take it for the live one.
  init(newIn generations: Generations) throws(StoreFailure) {
    let pointer = generations.pointer
    let named = [pointer?.live, pointer?.previous].compactMap { $0 }.filter { $0 < .max - 1 }
    var number = (try (generations.numbers() + named).max() ?? 0) + 1
    while true {
      let path = generations.path(of: number)
      let isNew = try Files.makeNewDirectory(path)
      if isNew, let claim = try GenerationClaim(number, in: generations) {
        self = claim
        return
      }
      number += 1
    }
  }

  /// The process that folds into a generation now; nil where none does.
  static func holder(of number: UInt64, in generations: Generations) -> Int32? {
    let file = file(of: number, in: generations)
    return FileLock.isHeld(file) ? FileLock.holder(of: file) ?? 0 : nil
  }

  private static func file(of number: UInt64, in generations: Generations) -> String {
    generations.path(of: number) + "/builder"
  }
}
