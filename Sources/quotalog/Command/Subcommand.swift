internal import Sessions

/// One thing that the command can do.
struct Subcommand: Sendable {
  /// The words that choose it.
  let words: [String]
  /// What comes after the words, for the help.
  let arguments: String
  let summary: String
  let options: [Option]
  let run: @Sendable (Arguments) throws(ExitFailure) -> Void

  init(
    _ words: String..., arguments: String = "", summary: String, options: [Option] = [],
    run: @escaping @Sendable (Arguments) throws(ExitFailure) -> Void
  ) {
    self.words = words
    self.arguments = arguments
    self.summary = summary
    self.options = options + [.data, .json, .help]
    self.run = run
  }

  static let all: [Subcommand] = [
    .initialise, .serve, .userAdd, .userList, .userDeactivate, .userErase, .tokenIssue,
    .tokenRevoke,
    .limitsSet, .sessionList, .sessionShow, .sessionLimits, .sessionAnswer, .sessionEvents, .append,
    .usage, .explain, .whatIf, .log, .replay, .consumerList, .export, .import, .rebuild, .verify,
    .checkpoint, .prove, .backup, .restore, .doctor,
    .projectionsList, .projectionsRebuild, .projectionsCompare, .projectionsSwap,
    .projectionsRollback, .projectionsPrune,
  ]

  /// Runs what the command line asks for.
  static func run(_ words: [String]) throws(ExitFailure) {
    if words.isEmpty || words == ["--help"] || words == ["help"] {
      Terminal.say(overview)
      if words.isEmpty { throw ExitFailure(.usage, "") }
      return
    }
    if words == ["--version"] {
      Terminal.say("quotalog \(Version.current)")
      return
    }
    guard let chosen = all.first(where: { words.starts(with: $0.words) }) else {
      throw unknown(words)
    }
    let rest = Array(words.dropFirst(chosen.words.count))
    if rest.contains("--help") {
      Terminal.say(chosen.help)
      return
    }
    try chosen.run(Arguments(rest, options: chosen.options))
  }

  private static func unknown(_ words: [String]) -> ExitFailure {
    let group = all.filter { $0.words.first == words[0] }
    guard !group.isEmpty else { return .usage("there is no command `\(words[0])`") }
    let choices = group.map { $0.words.dropFirst().joined(separator: " ") }
    return .usage("`\(words[0])` needs one of: \(choices.joined(separator: ", "))")
  }

  private var help: String {
    var lines = ["usage: quotalog \(words.joined(separator: " ")) \(arguments)", "", summary, ""]
    for option in options {
      let left = "  --\(option.name)\(option.value.map { " " + $0 } ?? "")"
      lines.append(pad(left, to: 30) + " " + option.help)
    }
    return lines.joined(separator: "\n")
  }

  private static var overview: String {
    var lines = [
      "quotalog \(Version.current): token quotas and session budgets, kept as a log of events", "",
    ]
    for command in all {
      let left = "  quotalog " + (command.words + [command.arguments]).joined(separator: " ")
      let summary = command.summary.prefix { $0 != "." }
      lines.append(pad(left, to: 44) + " " + summary)
    }
    lines += [
      "", "`quotalog COMMAND --help` tells more. Every command takes --data DIR and --json.",
    ]
    return lines.joined(separator: "\n")
  }
}

/// `text` with spaces behind it up to a width.
func pad(_ text: String, to width: Int) -> String {
  text + String(repeating: " ", count: max(0, width - text.count))
}

enum Version {
  static let current = SessionNarrator.version
}
