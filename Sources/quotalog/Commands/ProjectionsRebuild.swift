internal import Glibc
internal import JSON
internal import QuotaModel
internal import QuotaService

extension Subcommand {
  static let projectionsRebuild = Subcommand(
    "projections", "rebuild",
    summary: "Folds the log into a new generation beside the live one; an interrupted one goes on.",
    options: [
      Option("swap", nil, "make it the live one as soon as it is complete"),
      Option("from-scratch", nil, "begin anew, whatever an interrupted one has folded"),
      Option("accept-lost-events", nil, "go on with a log that has lost its end"),
    ]
  ) { (arguments) throws(ExitFailure) in
    _ = try arguments.expect()
    try OpenStore.checkLogPages(arguments)
    let store = try OpenStore.projections(arguments)
    let bar = ProgressBar("rebuilding")
    StopSignals.notice()
    let outcome = try usingStore { () throws(StoreFailure) in
      try store.rebuild(
        fromScratch: arguments.has("from-scratch"),
        acceptingLostEvents: arguments.has("accept-lost-events"),
        stopping: { StopSignals.wereSent }, progress: { bar.show($0, of: $1) })
    }
    StopSignals.ignoreNoMore()
    bar.end()
    var swap: SwapReport?
    if outcome.isComplete, arguments.has("swap") {
      swap = try SwapBars.swap(store) { (store, checking, progress) throws(StoreFailure) in
        try store.swap(
          to: outcome.number, acceptingLostEvents: arguments.has("accept-lost-events"),
          checking: checking, progress: progress)
      }
    }
    if arguments.wantsJSON {
      Terminal.write(outcome.document(swap))
    } else {
      for sentence in outcome.sentences(swap) { Terminal.say(sentence) }
    }
    if !outcome.isComplete {
      throw ExitFailure(
        .unavailable,
        "the rebuild was stopped at position \(outcome.position): "
          + "`quotalog projections rebuild` goes on from there")
    }
  }

  static let projectionsCompare = Subcommand(
    "projections", "compare", arguments: "[A] [B]",
    summary:
      "Compares two generations, or the live one with a fresh fold; names what differs first."
  ) { (arguments) throws(ExitFailure) in
    let words = arguments.positional
    guard words.count <= 2 else {
      throw .usage("expected at most two generations, got \(words.count) argument(s)")
    }
    let left = try words.first.map { (word) throws(ExitFailure) in try GenerationNumber.read(word) }
    let right = try words.dropFirst().first.map { (word) throws(ExitFailure) in
      try GenerationNumber.read(word)
    }
    let store = try OpenStore.projections(arguments)
    let bar = ProgressBar("comparing")
    let report = try usingStore { () throws(StoreFailure) in
      try store.compare(left, right) { bar.show($0, of: $1) }
    }
    bar.end()
    if arguments.wantsJSON { Terminal.write(report.document) }
    if let difference = report.difference {
      throw ExitFailure(
        .badData, "the generations differ at position \(report.position): \(difference)")
    }
    if !arguments.wantsJSON {
      Terminal.say(
        "\(report.left) and \(report.right) are identical at position "
          + grouped(report.position.rawValue))
    }
  }
}

extension OpenStore {
  /// The generations, for whoever needs nothing else of the store.
  static func projections(_ arguments: Arguments) throws(ExitFailure) -> ProjectionStore {
    let path = try arguments.dataPath()
    return try usingStore { () throws(StoreFailure) in try ProjectionStore(ofStoreAt: path) }
  }
}

/// Whether somebody asked this process to end, for work that ends at a place to go on from.
enum StopSignals {
  // A signal handler may do nothing but this: set a word of its own size.
  nonisolated(unsafe) private static var count: sig_atomic_t = 0

  static func notice() {
    unsafe count = 0
    for number in [SIGINT, SIGTERM] {
      signal(number) { _ in unsafe StopSignals.count = 1 }
    }
  }

  /// From here on they end the process again.
  static func ignoreNoMore() {
    for number in [SIGINT, SIGTERM] { signal(number, SIG_DFL) }
  }

  static var wereSent: Bool { unsafe count != 0 }
}

extension RebuildOutcome {
  private var rate: UInt64 {
    UInt64(Double(foldedCount) / max(Double(microseconds) / 1e6, 1e-6))
  }

  fileprivate func sentences(_ swap: SwapReport?) -> [String] {
    var sentences: [String] = []
    if let resumedFrom {
      sentences.append(
        "went on with generation \(number), which was interrupted at position "
          + grouped(resumedFrom.rawValue))
    }
    for left in notResumed {
      sentences.append("generation \(left.number) could not be gone on with: \(left.why)")
    }
    sentences.append("folded \(grouped(foldedCount)) events, \(grouped(rate)) a second")
    if let swap {
      sentences.append(swap.sentence)
    } else if isComplete {
      sentences.append(
        "generation \(number) is complete: `quotalog projections compare` compares it with the live "
          + "one, `quotalog projections swap \(number)` makes it the live one")
    }
    return sentences
  }

  fileprivate func document(_ swap: SwapReport?) -> [UInt8] {
    var json = JSONWriter()
    json.beginObject()
    json.member("generation", number)
    json.member("position", position.rawValue)
    json.member("resumed_from", optional: resumedFrom?.rawValue)
    json.member("events", foldedCount)
    json.member("milliseconds", microseconds / 1000)
    json.member("events_per_second", rate)
    json.member("complete", isComplete)
    json.name("swap")
    if let swap {
      json.beginObject()
      swap.write(into: &json)
      json.endObject()
    } else {
      json.null()
    }
    json.endObject()
    json.newline()
    return json.take()
  }
}

extension ComparisonReport {
  fileprivate var document: [UInt8] {
    var json = JSONWriter()
    json.beginObject()
    json.member("left", left.description)
    json.member("right", right.description)
    json.member("position", position.rawValue)
    json.member("identical", difference == nil)
    json.name("difference")
    if let difference { difference.write(into: &json) } else { json.null() }
    json.endObject()
    json.newline()
    return json.take()
  }
}

extension FoundDifference {
  fileprivate func write(into json: inout JSONWriter) {
    json.beginObject()
    json.member("subject", subject)
    json.member("user", optional: user?.description)
    json.member("name", optional: name?.description)
    json.name("fields")
    json.beginArray()
    for field in fields {
      json.beginObject()
      json.member("name", field.name)
      json.member("left", field.left)
      json.member("right", field.right)
      json.endObject()
    }
    json.endArray()
    json.member("parts_at", optional: parting?.position?.rawValue)
    json.member("parting", optional: parting?.description)
    json.endObject()
  }
}
