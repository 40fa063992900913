internal import CopilotRuntime
internal import Glibc

/// The command: one binary that makes, serves, feeds, reads and checks a store.
@main
struct Quotalog {
  static func main() {
    // A reader that goes away ends us by an error of write(2), not by a signal.
    signal(SIGPIPE, SIG_IGN)
    // So does a file that may not grow any further.
    signal(SIGXFSZ, SIG_IGN)
    exit(run(Array(CommandLine.arguments.dropFirst())).rawValue)
  }

  private static func run(_ arguments: [String]) -> ExitCode {
    do throws(ExitFailure) {
      if SpawnOptions.isSpawn(arguments) {
        try SpawnedRuntime.run(arguments)
      } else {
        try Subcommand.run(arguments)
      }
      return .success
    } catch {
      if !error.message.isEmpty { Terminal.complain(error.message) }
      return error.code
    }
  }
}
