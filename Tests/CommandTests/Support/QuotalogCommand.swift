import Foundation
import LedgerSimulation

/// The `quotalog` that was built together with these tests, as a process.
enum QuotalogCommand {
  struct Outcome {
    let code: Int32
    let output: String
    let complaint: String
  }

  /// It lies beside the test bundle.
  static let path: String = {
    let bundle = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
    return bundle.deletingLastPathComponent().appending(path: "quotalog").path()
  }()

  /// Runs a command to its end.
  static func run(_ words: [String], data: String, input: String? = nil) throws -> Outcome {
    let directory = try TemporaryDirectory()
    let process = process(words + ["--data", data])
    let output = try file("output", in: directory)
    let complaint = try file("complaint", in: directory)
    process.standardOutput = output.handle
    process.standardError = complaint.handle
    if let input {
      let file = directory.path + "/input"
      try input.write(toFile: file, atomically: false, encoding: .utf8)
      process.standardInput = FileHandle(forReadingAtPath: file)
    }
    try process.run()
    process.waitUntilExit()
    return Outcome(
      code: process.terminationStatus,
      output: try String(contentsOfFile: output.path, encoding: .utf8),
      complaint: try String(contentsOfFile: complaint.path, encoding: .utf8))
  }

  /// A command that does not run yet, with nothing to read.
  static func process(_ words: [String]) -> Process {
    let process = Process()
    process.executableURL = URL(filePath: path)
    process.arguments = words
    process.standardInput = FileHandle.nullDevice
    return process
  }

  private static func file(
    _ name: String, in directory: TemporaryDirectory
  ) throws -> (path: String, handle: FileHandle?) {
    let path = directory.path + "/" + name
    _ = FileManager.default.createFile(atPath: path, contents: nil)
    return (path, FileHandle(forWritingAtPath: path))
  }
}
