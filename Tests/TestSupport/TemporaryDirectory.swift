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
}
