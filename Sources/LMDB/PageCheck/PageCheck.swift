/// Checks a data file of LMDB 0.9 page by page, without LMDB: on a damaged page LMDB itself may
/// crash or run for ever, and it keeps no checksums.
///
/// Afterwards every page that LMDB can reach is known to be what LMDB takes it for. What lies inside
/// keys and values is not looked at: that is for whoever wrote it. So is the size of a value where
/// another one would fill the same space: LMDB rounds up to two bytes within a page, and to whole
/// pages elsewhere.
public enum PageCheck {
  /// How much of the file is looked at.
  public enum Extent: Sendable {
    /// Every page that can be reached.
    case whole
    /// The meta pages, and each table from its root to its first and to its last page: what a start
    /// touches, at a cost that does not grow with the file.
    case edges
  }

  /// How often a check starts again because a writer has meanwhile reused the pages it was reading.
  private static let attemptLimit = 8

  /// Checks `data.mdb` in `directory`, or a copy of one that is called `file`, as its newest commit left it.
  ///
  /// A writer may go on meanwhile. A check of the whole file holds a read transaction, which keeps
  /// the writer from reusing pages of the commit that is checked; LMDB looks at nothing but the meta
  /// pages for that, and these are checked before. Where there can be none, because this process has
  /// the environment open, or for the short check of the edges, damage counts only if at most one
  /// commit came in between: the writer reuses a page two commits after the one that gave it up.
  ///
  /// With `tables` the file must have these and no other but `optionalTables`: an environment that is
  /// opened for writing makes the tables that it misses, so a changed name would look like an empty
  /// table.
  ///
  /// Memory is two bits for each page. `progress` is told pages done and pages in all.
  @discardableResult
  public static func run(
    directory: String, file name: String = "data.mdb", extent: Extent = .whole,
    tables: [String]? = nil,
    optionalTables: Set<String> = [], progress: ((UInt64, UInt64) -> Void)? = nil
  ) throws(PageCheckFailure) -> PageSummary {
    let file = try PageFile(path: directory + "/" + name)
    _ = try MetaPair(of: file)
    let pin = extent == .whole && name == "data.mdb" ? SnapshotPin(directory: directory) : nil
    defer { withExtendedLifetime(pin) {} }
    for _ in 0..<attemptLimit {
      let metas = try MetaPair(of: file)
      do throws(PageCheckFailure) {
        let check = try SnapshotCheck(of: metas, in: file, extent: extent, progress: progress)
        return try check.run(expecting: tables, optional: optionalTables)
      } catch {
        let now = try MetaPair(of: file).newest.transaction
        guard pin == nil, now > metas.newest.transaction + 1 else { throw error }
      }
    }
    throw .busy
  }
}

/// A read transaction that is held for nothing but its effect on the writer.
private final class SnapshotPin {
  private let environment: Environment
  private var transaction: ReadTransaction?

  /// nil where the environment cannot be opened: the check then does without.
  init?(directory: String) {
    do throws(LMDBError) {
      environment = try Environment(
        path: directory,
        options: Environment.Options(durability: .synced, isReadOnly: true, tables: []))
      transaction = try environment.beginRead()
    } catch {
      return nil
    }
  }

  // The transaction ends before its environment.
  deinit { transaction = nil }
}
