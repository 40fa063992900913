internal import QuotaService

/// Exit codes, by sysexits(3).
enum ExitCode: Int32 {
  case success = 0
  /// The command line is wrong.
  case usage = 64
  /// The input, or the store's content, is wrong.
  case badData = 65
  /// The input or the store does not exist.
  case noInput = 66
  /// The store or the port is in use.
  case unavailable = 69
  /// The store cannot be made there.
  case cannotCreate = 73
  /// The disk is full, or failed.
  case inputOutput = 74
  /// A right is missing.
  case noPermission = 77
}

/// Why a command ends without success: one sentence, and the code.
struct ExitFailure: Error {
  let code: ExitCode
  /// Empty where everything was said already.
  let message: String

  init(_ code: ExitCode, _ message: String) {
    self.code = code
    self.message = message
  }

  static func usage(_ message: String) -> ExitFailure {
    ExitFailure(.usage, message + "; see `quotalog --help`")
  }

  init(_ failure: StoreFailure) {
    self.init(failure.exitCode, failure.description)
  }
}

extension StoreFailure {
  fileprivate var exitCode: ExitCode {
    switch remedy {
    case .nameAnotherInput: .noInput
    case .chooseAnotherPlace: .cannotCreate
    case .waitOrStopTheOther: .unavailable
    case .getPermission: .noPermission
    case .makeRoom: .inputOutput
    case .restoreOrCorrect: .badData
    case .correctTheSetting: .usage
    }
  }
}

/// Runs `body`, turning a store's failure into the command's.
func usingStore<Result: ~Copyable>(
  _ body: () throws(StoreFailure) -> Result
) throws(ExitFailure) -> Result {
  do { return try body() } catch { throw ExitFailure(error) }
}
