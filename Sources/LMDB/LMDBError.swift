internal import CLMDB
internal import Glibc

/// Why the store could not do what was asked, named for what the caller can do about it.
public enum LMDBError: Error, Hashable, Sendable {
  /// The map has no room left; the environment was opened with too small a map.
  case mapFull
  /// The disk is full or a quota was reached: make room and try again, nothing needs reopening.
  case noSpace
  /// The kernel reported an input or output error. LMDB reports a full disk at commit this way too.
  case inputOutput
  /// A file has the greatest length that it may have; nothing needs reopening.
  case fileTooLarge
  /// A write failed before, after which LMDB refuses everything until the file is opened again.
  case failedBefore
  /// The file cannot be opened again, or not be written, before readers have ended.
  case heldByReaders
  /// All reader slots are taken.
  case readersFull
  /// Pages contradict each other, or a page is of a type that cannot be there.
  case corrupted
  /// The file is no LMDB file.
  case notAnEnvironment
  /// The file was written by another version of the LMDB format.
  case otherVersion
  /// The process lacks the right to read or write the file.
  case permissionDenied
  /// The directory does not exist.
  case noSuchDirectory
  /// The directory lies on a file system that is shared over a network, where LMDB's locks and its
  /// memory map are not reliable.
  case networkFileSystem(name: String)
  /// The process has this environment open already; LMDB's file locks forbid a second time.
  case alreadyOpen
  /// The environment has no table of that name.
  case noSuchTable(name: String)
  /// Anything else, with LMDB's or the system's number.
  case other(code: Int32)

  init(code: Int32) {
    self =
      switch code {
      case MDB_MAP_FULL: .mapFull
      case ENOSPC, EDQUOT: .noSpace
      case EFBIG: .fileTooLarge
      case EIO: .inputOutput
      case MDB_READERS_FULL: .readersFull
      case MDB_CORRUPTED, MDB_PAGE_NOTFOUND: .corrupted
      case MDB_PANIC: .failedBefore
      case MDB_INVALID: .notAnEnvironment
      case MDB_VERSION_MISMATCH: .otherVersion
      case EACCES, EPERM, EROFS: .permissionDenied
      case ENOENT: .noSuchDirectory
      default: .other(code: code)
      }
  }
}

extension LMDBError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .mapFull: "the memory map is full"
    case .noSpace: "the disk is full"
    case .inputOutput:
      "the disk reported an input/output error: it may be full, or failing (see the kernel's log)"
    case .fileTooLarge: "a file may not grow any further: raise the limit of the size of files"
    case .failedBefore: "a write failed before, and the file could not be opened again since"
    case .heldByReaders:
      "readers still hold what was there before a write failed: it goes on when they have ended"
    case .readersFull: "all reader slots are taken by processes that live: end some of them"
    case .corrupted: "the file's pages contradict each other"
    case .notAnEnvironment: "the file is not an LMDB file"
    case .otherVersion: "the file was written by another version of LMDB"
    case .permissionDenied: "permission denied"
    case .noSuchDirectory: "no such directory"
    case .networkFileSystem(let name): "the directory lies on a network file system (\(name))"
    case .alreadyOpen: "this process has the environment open already"
    case .noSuchTable(let name): "there is no table \(name)"
    case .other(let code): unsafe String(cString: mdb_strerror(code))
    }
  }
}

/// Throws what `code` stands for, unless it stands for success.
func check(_ code: Int32) throws(LMDBError) {
  if code != MDB_SUCCESS { throw LMDBError(code: code) }
}
