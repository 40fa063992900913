internal import JSON
internal import QuotaModel
internal import QuotaService

extension Subcommand {
  static let rebuild = Subcommand(
    "rebuild",
    summary: "Folds the whole log into a new projection, compares, and swaps; the old one is kept.",
    options: [
      Option(
        "accept-lost-events", nil, "go on with a log that has lost its end, with another key"),
      Option("accept-lost-names", nil, "go on with a file of names that lacks some"),
    ]
  ) { (arguments) throws(ExitFailure) in
    _ = try arguments.expect()
    try OpenStore.checkLogPages(arguments)
    let store = try OpenStore.forWriting(
      arguments, acceptingLostEvents: arguments.has("accept-lost-events"),
      acceptingLostNames: arguments.has("accept-lost-names"), checkingPages: true)
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
        "the projection before differed from the log; the new one is right: \(difference)")
    }
    if !arguments.wantsJSON { Terminal.say("the projection before was identical") }
  }
}
