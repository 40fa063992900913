internal import EventLog
internal import LMDB
internal import Projections

/// A process that reads one of a store's files. What was given up since is not used again as long as it
/// does, so that the file grows.
public struct StoreReader: Hashable, Sendable {
  /// Commits behind which a reader is worth a warning: none of ours holds a view for so long.
  public static let commitsWorthAWarning: UInt64 = 1000

  /// `log`, `names` or `projection`.
  public let part: String
  public let process: Int32
  /// How many commits came after the state that it reads.
  public let commitsBehind: UInt64

  init(_ reader: Reader, of part: String) {
    self.part = part
    process = reader.process
    commitsBehind = reader.commitsBehind
  }
}

extension Store {
  /// Frees what readers hold whose processes died. Costs some microseconds, and more for each that died.
  public func clearDeadReaders() throws(StoreFailure) {
    let generation = generation
    try usingLog(log.clearDeadReaders())
    try names.clearDeadReaders()
    try usingProjection(generation.clearDeadReaders())
  }

  /// Whoever is the furthest behind of all that read now; nil where nobody reads.
  public func oldestReader() throws(StoreFailure) -> StoreReader? {
    let generation = generation
    let readers = [
      (part: "log", reader: try usingLog(log.oldestReader())),
      (part: "names", reader: try names.oldestReader()),
      (
        part: "projection",
        reader: try usingProjection(generation.oldestReader())
      ),
    ]
    let known = readers.compactMap { (part, reader) in
      reader.map { StoreReader($0, of: part) }
    }
    return known.max { $0.commitsBehind < $1.commitsBehind }
  }

  /// The same of a store that another process may have open; of each file the one that is the furthest
  /// behind. Nothing where a file cannot be opened: other checks say why.
  static func oldestReaders(ofStoreAt path: String) -> [StoreReader] {
    let number = LivePointer(in: path + "/projections")?.live
    let directories =
      [("log", path + "/log"), ("names", path + "/names")]
      + (number.map { [("projection", "\(path)/projections/\($0)")] } ?? [])
    return directories.compactMap { (part, directory) in
      let options = Environment.Options(durability: .synced, isReadOnly: true, tables: [])
      guard let environment = try? Environment(path: directory, options: options),
        let reader = try? environment.oldestReader()
      else { return nil }
      return StoreReader(reader, of: part)
    }
  }
}

extension NameStore {
  func clearDeadReaders() throws(StoreFailure) {
    do { try open().environment.clearDeadReaders() } catch { throw Self.failure(error, path) }
  }

  func oldestReader() throws(StoreFailure) -> Reader? {
    do { return try open().environment.oldestReader() } catch { throw Self.failure(error, path) }
  }
}
