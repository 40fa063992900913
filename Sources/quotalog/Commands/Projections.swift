internal import JSON
internal import QuotaModel
internal import QuotaService

extension Subcommand {
  static let projectionsList = Subcommand(
    "projections", "list",
    summary:
      "Lists the generations of the projection: what state they are in, and how far they are."
  ) { (arguments) throws(ExitFailure) in
    _ = try arguments.expect()
    let store = try OpenStore.projections(arguments)
    let (entries, head) = try usingStore { () throws(StoreFailure) in
      (try store.list(), try store.head())
    }
    guard arguments.wantsJSON else {
      for entry in entries { Terminal.say(entry.line(head: head)) }
      if entries.isEmpty { Terminal.say("there is no generation yet") }
      return
    }
    Terminal.write(entries.document(head: head))
  }

  static let projectionsSwap = Subcommand(
    "projections", "swap", arguments: "N",
    summary: "Makes a complete generation the live one; a server goes on serving meanwhile."
  ) { (arguments) throws(ExitFailure) in
    let number = try GenerationNumber.read(arguments.expect("N")[0])
    try swap(arguments) { (store, checking, progress) throws(StoreFailure) in
      try store.swap(to: number, checking: checking, progress: progress)
    }
  }

  static let projectionsRollback = Subcommand(
    "projections", "rollback",
    summary: "Makes the generation the live one that was live before, caught up with the log."
  ) { (arguments) throws(ExitFailure) in
    _ = try arguments.expect()
    try swap(arguments) { (store, checking, progress) throws(StoreFailure) in
      try store.rollback(checking: checking, progress: progress)
    }
  }

  static let projectionsPrune = Subcommand(
    "projections", "prune",
    summary: "Removes generations that are neither live nor the previous one.",
    options: [Option("all", nil, "the previous one too: no rollback is possible then")]
  ) { (arguments) throws(ExitFailure) in
    _ = try arguments.expect()
    let store = try OpenStore.projections(arguments)
    let report = try usingStore { () throws(StoreFailure) in
      try store.prune(all: arguments.has("all"))
    }
    guard arguments.wantsJSON else {
      let numbers = report.numbers.map(String.init).joined(separator: ", ")
      return Terminal.say(
        report.numbers.isEmpty
          ? "there was nothing to remove"
          : "removed \(numbers): \(grouped(report.byteCount)) bytes are free again")
    }
    var json = JSONWriter()
    json.beginObject()
    json.name("removed")
    json.beginArray()
    for number in report.numbers { json.integer(number) }
    json.endArray()
    json.member("bytes", report.byteCount)
    json.endObject()
    json.newline()
    Terminal.write(json.take())
  }

  private typealias Swap = (
    ProjectionStore, _ checking: @escaping ProgressReport, _ progress: @escaping ProgressReport
  ) throws(StoreFailure) -> SwapReport

  private static func swap(_ arguments: Arguments, _ body: Swap) throws(ExitFailure) {
    let report = try SwapBars.swap(try OpenStore.projections(arguments), body)
    guard arguments.wantsJSON else { return Terminal.say(report.sentence) }
    var json = JSONWriter()
    json.beginObject()
    report.write(into: &json)
    json.endObject()
    json.newline()
    Terminal.write(json.take())
  }
}

/// The bars of a swap: its checks, then what is folded.
enum SwapBars {
  static func swap(
    _ store: ProjectionStore,
    _ body: (
      ProjectionStore, _ checking: @escaping ProgressReport, _ progress: @escaping ProgressReport
    )
      throws(StoreFailure) -> SwapReport
  ) throws(ExitFailure) -> SwapReport {
    let checking = ProgressBar("checking pages")
    let folding = ProgressBar("catching up")
    defer { folding.end() }
    return try usingStore { () throws(StoreFailure) in
      try body(store, { checking.show($0, of: $1) }, { folding.show($0, of: $1) })
    }
  }
}

extension SwapReport {
  var sentence: String {
    let before = previous.map { "; generation \($0) was before" } ?? ""
    let pause = pauseMicroseconds.map {
      ", and the server decided nothing for \($0 / 1000).\(($0 % 1000) / 100) ms"
    }
    return "generation \(number) is live, at position \(grouped(position.rawValue))"
      + (pause ?? "") + before
  }

  func write(into json: inout JSONWriter) {
    json.member("live", number)
    json.member("previous", optional: previous)
    json.member("position", position.rawValue)
    json.member("pause_microseconds", optional: pauseMicroseconds)
  }
}

enum GenerationNumber {
  static func read(_ text: String) throws(ExitFailure) -> UInt64 {
    guard let number = UInt64(text), number > 0, text.utf8.allSatisfy({ (48...57).contains($0) })
    else {
      throw .usage(
        "a generation is named by its number from `quotalog projections list`, not \(text)")
    }
    return number
  }
}

extension GenerationEntry {
  fileprivate func line(head: Position) -> String {
    let folded = position.map { grouped($0.rawValue) } ?? "?"
    let behind = position.map { head < $0 ? 0 : head.rawValue - $0.rawValue } ?? 0
    let lag = behind > 0 ? ", \(grouped(behind)) behind the log" : ""
    return pad("\(number)", to: 5) + pad(stateText(head: head), to: 28)
      + " \(folded) events\(lag), \(grouped(byteCount)) bytes, made \(madeAt.text)"
  }

  private func stateText(head: Position) -> String {
    let name = role == .other ? "" : role.rawValue
    switch condition {
    case .complete: return name.isEmpty ? "complete" : name
    case .interrupted: return joined(name, "interrupted")
    case .unusable(let why): return joined(name, "unusable: \(why)")
    case .building(let process):
      let share = position.flatMap {
        head == .zero
          ? nil
          : " \($0.rawValue.multipliedReportingOverflow(by: 100).partialValue / head.rawValue) %"
      }
      return joined(
        name, "being built\(process.map { " by \($0)" } ?? ""),\(share ?? " 0 %")")
    }
  }

  private func joined(_ role: String, _ condition: String) -> String {
    role.isEmpty ? condition : "\(role), \(condition)"
  }

  fileprivate func write(into json: inout JSONWriter, head: Position) {
    json.beginObject()
    json.member("number", number)
    json.member("role", role.rawValue)
    var process: Int32?
    var why: String?
    let state: String
    switch condition {
    case .complete: state = "complete"
    case .interrupted: state = "interrupted"
    case .unusable(let text):
      state = "unusable"
      why = text
    case .building(let builder):
      state = "building"
      process = builder
    }
    json.member("state", state)
    json.member("process", optional: process)
    json.member("reason", optional: why)
    json.member("position", optional: position?.rawValue)
    json.member(
      "lag", optional: position.map { head < $0 ? 0 : head.rawValue - $0.rawValue })
    json.member("bytes", byteCount)
    json.member("made_at", madeAt.text)
    json.endObject()
  }
}

extension [GenerationEntry] {
  fileprivate func document(head: Position) -> [UInt8] {
    var json = JSONWriter()
    json.beginObject()
    json.member("position", head.rawValue)
    json.name("generations")
    json.beginArray()
    for entry in self { entry.write(into: &json, head: head) }
    json.endArray()
    json.endObject()
    json.newline()
    return json.take()
  }
}

extension Moment {
  fileprivate var text: String {
    var bytes: [UInt8] = []
    write(into: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }
}
