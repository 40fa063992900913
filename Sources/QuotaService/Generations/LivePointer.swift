/// Which generation is live, and which one was before it: the lines of `projections/current`.
///
/// Both in one file, so that they change in one step. Older programs read the first line only.
struct LivePointer: Hashable, Sendable {
  var live: UInt64
  /// nil where none is known; a generation that was removed since may still be named.
  var previous: UInt64?

  init(live: UInt64, previous: UInt64?) {
    self.live = live
    self.previous = previous == live ? nil : previous
  }

  /// nil where there is none, or nothing that can be read.
  init?(in directory: String) {
    guard let bytes = try? Files.read(Self.path(in: directory)) else { return nil }
    let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
    guard let first = lines.first, let live = UInt64(first) else { return nil }
    self.init(live: live, previous: lines.dropFirst().first.flatMap { UInt64($0) })
  }

  /// Makes it valid and durable.
  func write(in directory: String) throws(StoreFailure) {
    try prepare(in: directory)
    try takeEffect(in: directory)
    try Files.syncDirectory(holding: Self.path(in: directory))
  }

  /// Writes it down durably, without effect.
  func prepare(in directory: String) throws(StoreFailure) {
    let lines = [live, previous].compactMap { $0 }.map { "\($0)\n" }
    try Files.write(Self.path(in: directory) + ".new", Array(lines.joined().utf8))
  }

  /// Has what was prepared take effect in one step, which costs no flush.
  func takeEffect(in directory: String) throws(StoreFailure) {
    try Files.rename(Self.path(in: directory) + ".new", to: Self.path(in: directory))
  }

  static func path(in directory: String) -> String { directory + "/current" }
}
