internal import EventLog
public import QuotaModel

/// A store in the making: it lies in the directory `unfinished` of the one where it is to be, and takes its place
/// there in one step.
///
/// Whoever makes it may be killed at any time: then there is no store, and the next attempt begins anew.
public struct StoreDraft: ~Copyable {
  private static let name = "unfinished"
  /// What it leaves behind where it was killed while it was put in place: everything but the log, which is moved
  /// last.
  private static let pieces = [
    "names", "projections", "checkpoint.key", "checkpoint.pub", "checkpoint",
  ]

  private let place: String
  private let lock: WriterLock

  /// Where the store can be opened until it is put in place.
  public var path: String { place + "/" + Self.name }

  /// Begins with an empty store. The directory may exist if it is empty.
  ///
  /// `origin`: what the log is called in its checkpoints.
  public init(at path: String, clock: Clock, origin: LogOrigin? = nil) throws(StoreFailure) {
    try Self.makePlace(path)
    _ = try Self.leftovers(at: path)
    let lock = try WriterLock(ofStoreAt: path)
    let leftovers = try Self.leftovers(at: path)
    let draft = path + "/" + Self.name
    for name in leftovers { try Files.removeEntry(path + "/" + name) }
    for path in [draft, draft + "/names", draft + "/projections", draft + "/log"] {
      try Files.makeDirectory(path)
    }
    try Self.makeLog(at: draft + "/log", clock, origin)
    place = path
    self.lock = lock
  }

  private static func makePlace(_ path: String) throws(StoreFailure) {
    do throws(StoreFailure) {
      try Files.makeDirectory(path)
    } catch .file(_, let text) {
      throw .cannotCreate(path: path, text: text)
    }
  }

  /// What an interrupted attempt has left, the draft itself last: as long as it is there, the rest is its own.
  private static func leftovers(at path: String) throws(StoreFailure) -> [String] {
    if Store.exists(at: path) { throw .exists(path: path) }
    let found = try Files.names(in: path)
      .filter { $0 != "lock" }
    let isDraft = found.contains(name)
    for entry in found where entry != name {
      guard isDraft && pieces.contains(entry) || isEmptyDirectory(entry, at: path) else {
        throw .notEmpty(path: path)
      }
    }
    return found.filter { $0 != name } + (isDraft ? [name] : [])
  }

  /// Earlier programs made these where the store was to be, and were killed.
  private static func isEmptyDirectory(_ name: String, at path: String) -> Bool {
    guard ["names", "projections", "log"].contains(name) else { return false }
    return (try? Files.names(in: path + "/" + name).isEmpty) ?? false
  }

  private static func makeLog(
    at path: String, _ clock: Clock, _ origin: LogOrigin?
  ) throws(StoreFailure) {
    let identity = LogIdentity(id: System.randomUser(), createdAt: clock())
    try usingLog { () throws(LogFailure) in
      try LMDBLog.create(at: path, identity: identity)
      if let origin { try LMDBLog(at: path, mode: .appending).setOrigin(origin.text) }
    }
  }

  /// Makes it the store at its place, durably. Nobody may have it open any more.
  public consuming func putInPlace() throws(StoreFailure) {
    let (draft, place) = (path, place)
    for name in try Files.names(in: draft) where name != "log" && name != "lock" {
      try Files.rename(draft + "/" + name, to: place + "/" + name)
    }
    // Everything else is on the disk before the log is, with which there is a store.
    try Files.sync(place)
    try Files.move(draft + "/log", to: place + "/log")
    try Self.removeLeftovers(ofStoreAt: place)
    withExtendedLifetime(lock) {}
  }

  /// Throws it away.
  public consuming func remove() throws(StoreFailure) {
    try Self.removeLeftovers(ofStoreAt: place)
    withExtendedLifetime(lock) {}
  }

  /// Removes what is left of the draft of a store that is in place.
  static func removeLeftovers(ofStoreAt path: String) throws(StoreFailure) {
    guard Files.exists(path + "/" + name) else { return }
    try Files.removeTree(path + "/" + name)
  }
}
