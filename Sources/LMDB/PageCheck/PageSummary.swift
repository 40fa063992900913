/// What a page check has seen.
public struct PageSummary: Hashable, Sendable {
  /// The commit that was checked.
  public let transaction: UInt64
  public let pageByteCount: Int
  /// Whole pages that the file has.
  public let pageCount: UInt64
  /// Pages that were looked at, the two meta pages included.
  public let reachedPageCount: UInt64
  /// Pages that may be used again.
  public let freePageCount: UInt64
  /// The named tables, in the order of their names.
  public let tables: [TableSummary]
}

/// One table as a page check has counted it; of a check of the edges, as its record says.
public struct TableSummary: Hashable, Sendable {
  public let name: String
  public let depth: Int
  public let branchPageCount: UInt64
  public let leafPageCount: UInt64
  public let overflowPageCount: UInt64
  public let entryCount: UInt64
}
