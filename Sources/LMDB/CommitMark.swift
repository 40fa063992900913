/// What tells one state of a data file from every other: its two meta pages, which each commit changes.
///
/// They say nothing of the pages that they lead to: whoever relies on those has to know that they were
/// flushed before.
public struct CommitMark: Hashable, Sendable {
  public let bytes: [UInt8]

  /// Reads the meta pages of `data.mdb` in `directory`; nil where the file is too short to have both.
  ///
  /// Nobody may commit meanwhile.
  public init?(ofFileIn directory: String) throws(LMDBError) {
    do throws(PageCheckFailure) {
      let file = try PageFile(path: directory + "/data.mdb")
      let first = try file.bytes(at: 0, count: MetaPage.byteCount)
      guard first.count == MetaPage.byteCount else { return nil }
      let second = try file.bytes(
        at: UInt64(MetaPage.pageByteCount(first.rawBytes)), count: MetaPage.byteCount)
      guard second.count == MetaPage.byteCount else { return nil }
      bytes = first + second
    } catch {
      switch error {
      case .unreadable(let error): throw error
      case .damaged(let damage): throw LMDBError(damage)
      case .busy: throw .alreadyOpen
      }
    }
  }

  /// What was read before.
  public init(bytes: [UInt8]) { self.bytes = bytes }
}
