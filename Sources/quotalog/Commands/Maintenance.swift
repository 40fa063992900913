internal import JSON
internal import QuotaModel
internal import QuotaService

extension Subcommand {
  static let rebuild = Subcommand(
    "rebuild",
    summary: "Folds the whole log into a new projection, compares, and swaps; the old one is kept.",
    options: [
      Option("accept-lost-events", nil, "go on with a log that has lost its end")
    ]
  ) { (arguments) throws(ExitFailure) in
    _ = try arguments.expect()
    try OpenStore.checkLogPages(arguments)
    let store = try OpenStore.forWriting(
      arguments, acceptingLostEvents: arguments.has("accept-lost-events"), checkingPages: true)
    let bar = ProgressBar("rebuilding")
    let start = System.clock()
    let report = try usingStore { () throws(StoreFailure) in
      try store.rebuild { bar.show($0, of: $1) }
    }
    let seconds = Double(System.clock().microseconds - start.microseconds) / 1e6
    bar.end()
    try store.finish()
    let rate = UInt64(Double(report.eventCount) / max(seconds, 1e-6))
    if arguments.wantsJSON {
      var json = JSONWriter()
      json.beginObject()
      json.member("events", report.eventCount)
      json.member("milliseconds", Int(seconds * 1000))
      json.member("events_per_second", rate)
      json.member("identical", report.difference == nil)
      json.endObject()
      json.newline()
      Terminal.write(json.take())
    } else {
      Terminal.say("folded \(grouped(report.eventCount)) events, \(grouped(rate)) a second")
    }
    if let difference = report.difference {
      throw ExitFailure(
        .badData,
        "the projection before differed from the log (\(difference)); the new one is right")
    }
    if !arguments.wantsJSON { Terminal.say("the projection before was identical") }
  }

  static let verify = Subcommand(
    "verify",
    summary: "Checks every page and every record, and that a fresh fold equals the live projection."
  ) { (arguments) throws(ExitFailure) in
    _ = try arguments.expect()
    let path = try arguments.dataPath()
    // The pages come first, and then the records: damage must be found by these checks, not by
    // opening the projection.
    let pageCount = try checkPages(path)
    let bar = ProgressBar("checking records")
    let head = try usingStore { () throws(StoreFailure) in
      try Store.verifyLog(at: path) { bar.show($0, of: $1) }
    }
    bar.end()
    let store = try OpenStore.aloneIfPossible(arguments)
    let isAlone = store != nil
    if !isAlone { _ = try OpenStore.besideAServer(arguments) }
    if let store {
      try compare(store)
      try store.finish()
    }
    guard arguments.wantsJSON else {
      Terminal.say("\(grouped(pageCount)) pages are whole")
      Terminal.say("\(grouped(head.rawValue)) records are as they were written")
      Terminal.say(
        isAlone
          ? "a fresh fold equals the live projection"
          : "the projection was not compared: the store is being served; stop the server for that")
      return
    }
    var json = JSONWriter()
    json.beginObject()
    json.member("records", head.rawValue)
    json.member("pages", pageCount)
    json.member("projection_compared", isAlone)
    json.endObject()
    json.newline()
    Terminal.write(json.take())
  }

  private static func checkPages(_ path: String) throws(ExitFailure) -> UInt64 {
    let bar = ProgressBar("checking pages")
    defer { bar.end() }
    return try usingStore { () throws(StoreFailure) in
      try Store.checkPages(at: path) { bar.show($0, of: $1) }
    }
  }

  private static func compare(_ store: Store) throws(ExitFailure) {
    let bar = ProgressBar("folding afresh")
    let difference = try usingStore { () throws(StoreFailure) in
      try store.verifyProjection { bar.show($0, of: $1) }
    }
    bar.end()
    if let difference {
      throw ExitFailure(
        .badData,
        "a fresh fold of the log differs from the live projection: \(difference); "
          + "run `quotalog rebuild`")
    }
  }
}
