/// Pages of one file, a bit for each.
struct PageSet {
  private var words: [UInt64]
  private(set) var count: UInt64 = 0

  init(pageCount: UInt64) { words = Array(repeating: 0, count: Int(pageCount / 64) + 1) }

  func contains(_ page: UInt64) -> Bool {
    words[Int(page / 64)] & (1 << (page % 64)) != 0
  }

  /// Adds `page`; answers whether it was new.
  mutating func insert(_ page: UInt64) -> Bool {
    guard !contains(page) else { return false }
    words[Int(page / 64)] |= 1 << (page % 64)
    count += 1
    return true
  }
}
