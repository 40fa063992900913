internal import Foundation

/// An empty directory that is gone when nobody needs it any more.
public final class TemporaryDirectory: Sendable {
  public let path: String

  public init() throws {
    let name = "quotalog-tests-\(UUID().uuidString)"
    path = FileManager.default.temporaryDirectory.appending(path: name).path(percentEncoded: false)
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}
