internal import QuotaModel

/// An option that a command understands.
struct Option: Sendable {
  let name: String
  /// What the help calls its value; nil for a switch.
  let value: String?
  let help: String

  init(_ name: String, _ value: String? = nil, _ help: String) {
    self.name = name
    self.value = value
    self.help = help
  }

  static let data = Option(
    "data", "DIR", "the store's directory (or QUOTALOG_DATA; default ./data)")
  static let json = Option("json", nil, "answer in JSON")
  static let help = Option("help", nil, "show this help")
}

/// A command line, taken apart by the options that a command understands.
struct Arguments {
  private var values: [String: [String]] = [:]
  private(set) var positional: [String] = []

  /// `--name value`, `--name=value`, switches, and `--` before what only looks like an option.
  init(_ words: [String], options: [Option]) throws(ExitFailure) {
    var rest = words[...]
    while let word = rest.popFirst() {
      if word == "--" {
        positional += rest
        break
      }
      guard word.hasPrefix("--") else {
        positional.append(word)
        continue
      }
      let body = word.dropFirst(2)
      let name = String(body.prefix { $0 != "=" })
      guard let option = options.first(where: { $0.name == name }) else {
        throw .usage("there is no option --\(name)")
      }
      let attached = body.count > name.count ? String(body.dropFirst(name.count + 1)) : nil
      guard option.value != nil else {
        if attached != nil { throw .usage("--\(name) takes no value") }
        values[name, default: []].append("")
        continue
      }
      guard let value = attached ?? rest.popFirst() else {
        throw .usage("--\(name) needs a value")
      }
      values[name, default: []].append(value)
    }
  }

  func has(_ name: String) -> Bool { values[name] != nil }

  /// The value of an option that may be given once.
  func value(_ name: String) throws(ExitFailure) -> String? {
    guard let found = values[name] else { return nil }
    guard found.count == 1 else { throw .usage("--\(name) may be given once") }
    return found[0]
  }

  func values(_ name: String) -> [String] { values[name] ?? [] }

  var wantsJSON: Bool { has("json") }

  /// The store's directory.
  func dataPath() throws(ExitFailure) -> String {
    let path = try value("data") ?? Environment["QUOTALOG_DATA"] ?? "data"
    guard !path.isEmpty else { throw .usage("--data needs a directory") }
    let end = path.lastIndex { $0 != "/" }
    return end.map { String(path[...$0]) } ?? "/"
  }

  /// The positional arguments, as many as `names`.
  func expect(_ names: String...) throws(ExitFailure) -> [String] {
    guard positional.count == names.count else {
      let wanted = names.isEmpty ? "no arguments" : names.joined(separator: " ")
      throw .usage("expected \(wanted), got \(positional.count) argument(s)")
    }
    return positional
  }

  func number(_ name: String, in range: ClosedRange<Int64>) throws(ExitFailure) -> Int64? {
    guard let text = try value(name) else { return nil }
    guard let number = Int64(text), range.contains(number) else {
      throw .usage(
        "--\(name) must be a number from \(range.lowerBound) to \(range.upperBound), not \(text)")
    }
    return number
  }
}
