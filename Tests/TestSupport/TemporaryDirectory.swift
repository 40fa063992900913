internal import Foundation

/// An empty directory that disappears with its owner.
public final class TemporaryDirectory {
  public let path: String

  public init() {
    let url = FileManager.default.temporaryDirectory
      .appending(path: "quotalog-tests-\(UUID().uuidString)")
    do {
      try FileManager.default.createDirectory(at: url, withIntermediateDirectories: false)
    } catch {
      preconditionFailure("these tests need a place for files: \(error)")
    }
    path = url.path
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// An empty directory below this one.
  public func subdirectory(_ name: String) throws -> String {
    let path = "\(path)/\(name)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    return path
  }

  /// Copies a file.
  public static func copy(_ source: String, to target: String) throws {
    try FileManager.default.copyItem(atPath: source, toPath: target)
  }

  public static func names(in path: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: path)
  }

  /// Removes a file.
  public static func remove(_ path: String) throws {
    try FileManager.default.removeItem(atPath: path)
  }

  /// Makes a file, or replaces what is in it.
  public static func write(_ bytes: [UInt8], to path: String) throws {
    try Data(bytes).write(to: URL(filePath: path))
  }

  /// Cuts a file to so many bytes.
  public static func cut(_ path: String, to byteCount: Int) throws {
    try write(Array(Data(contentsOf: URL(filePath: path)).prefix(byteCount)), to: path)
  }
}
