/// Why a page check did not end well.
public enum PageCheckFailure: Error, Hashable, Sendable {
  case damaged(PageDamage)
  /// The file could not be read, which says nothing about its pages.
  case unreadable(LMDBError)
  /// A writer of this process reuses pages faster than they can be checked.
  case busy
}

/// The first place where a file contradicts itself.
public struct PageDamage: Error, Hashable, Sendable {
  public let page: UInt64
  /// Where in the file, in bytes from its start.
  public let offset: UInt64
  /// The table whose page it is; nil for pages that belong to no named table.
  public let table: String?
  public let contradiction: PageContradiction
  /// Which entries of the table it concerns, as far as that is known.
  public let entries: AffectedEntries

  /// Entries of a table, told by a key.
  public enum AffectedEntries: Hashable, Sendable {
    case unknown
    /// The entry with this key.
    case at(key: [UInt8])
    /// Entries behind this key, which is the last one of the page before.
    case after(key: [UInt8])
  }
}

extension PageDamage {
  /// Whether the file is only too short to have a first page; LMDB begins such a file when it is
  /// empty, and refuses it otherwise.
  var isOfEmptyFile: Bool { page == 0 && contradiction == .cut }
}

extension LMDBError {
  init(_ damage: PageDamage) {
    let contradiction = damage.contradiction
    self =
      contradiction == .notAMetaPage
      ? .notAnEnvironment : contradiction == .otherFormatVersion ? .otherVersion : .corrupted
  }
}

extension PageDamage: CustomStringConvertible {
  public var description: String {
    let owner = table.map { ", table \($0)" } ?? ""
    return "page \(page) (byte \(offset) of the file\(owner)): \(contradiction)"
  }
}

/// What contradicts what.
public enum PageContradiction: Hashable, Sendable {
  /// The file ends before the page does.
  case cut
  case notAMetaPage
  case otherFormatVersion
  case pageSize
  case mapAddress
  case mapSize
  /// A table's record does not describe a tree that could be.
  case tableRecord
  /// The file has other tables than it should.
  case tableNames
  /// The two meta pages cannot be those of two commits in a row.
  case commitNumbers
  case pageNumber(found: UInt64)
  case pageKind(found: UInt16)
  /// The page's own limits of its free space, or its number of nodes.
  case pageLimits
  /// A node outside its page, or over another one, or a hole between two.
  case nodePlace
  case nodeFlags
  case keySize
  case keyOrder
  /// A key that belongs to another page, by the parent's keys.
  case keyOnWrongPage
  /// A pointer to a page that the file cannot have.
  case pointsOutside(to: UInt64)
  case reachedTwice
  /// Reached, and listed as free.
  case isFree
  case freeList
  case overflowSize
  /// A table's record counts its pages or entries otherwise than they are.
  case count(recorded: UInt64, found: UInt64)
  /// The file is said to have pages that it does not have.
  case lastPage
}

extension PageContradiction: CustomStringConvertible {
  public var description: String {
    switch self {
    case .cut: "the file ends before it"
    case .notAMetaPage: "it is not the meta page that belongs there"
    case .otherFormatVersion: "another version of LMDB wrote it"
    case .pageSize: "the page size is none"
    case .mapAddress: "an address is fixed, which is never done"
    case .mapSize: "the map is smaller than the file"
    case .tableRecord: "a table's record describes no tree"
    case .tableNames: "the tables have other names than they should"
    case .commitNumbers: "the meta pages are not those of two commits in a row"
    case .pageNumber(let found): "it says that it is page \(found)"
    case .pageKind(let found): "it is of kind \(found), which cannot be there"
    case .pageLimits: "its free space has impossible limits"
    case .nodePlace: "a node lies where none can"
    case .nodeFlags: "a node has flags that it cannot have"
    case .keySize: "a key has a size that it cannot have"
    case .keyOrder: "keys are out of order"
    case .keyOnWrongPage: "a key belongs on another page"
    case .pointsOutside(let page): "it points to page \(page), which the file cannot have"
    case .reachedTwice: "two places point to it"
    case .isFree: "it is in use and listed as free"
    case .freeList: "a list of free pages is malformed"
    case .overflowSize: "its value does not fit in the pages that it has"
    case .count(let recorded, let found): "\(recorded) are recorded where \(found) are found"
    case .lastPage: "pages are recorded that the file does not have"
    }
  }
}
