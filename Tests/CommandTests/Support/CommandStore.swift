import Foundation
import LedgerSimulation

/// A store that `quotalog init` has made, and how it is served.
final class CommandStore {
  private let directory: TemporaryDirectory?
  let path: String
  /// The token of the first user, who may do everything.
  let token: String

  /// Makes a store at `path`, or in a temporary directory.
  init(at path: String? = nil) throws {
    directory = path == nil ? try TemporaryDirectory() : nil
    self.path = path ?? (directory?.path ?? "") + "/store"
    let outcome = try QuotalogCommand.run(["init", "--json"], data: self.path)
    struct Created: Decodable { let token: String }
    token = try JSONDecoder().decode(Created.self, from: Data(outcome.output.utf8)).token
  }

  func serve() throws -> ServerProcess { try ServerProcess(of: self) }

  func run(_ words: [String], input: String? = nil) throws -> QuotalogCommand.Outcome {
    try QuotalogCommand.run(words, data: path, input: input)
  }
}
