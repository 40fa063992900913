internal import EventJSON
internal import EventLog
internal import Evidence
internal import JSON
internal import QuotaModel
internal import QuotaService

extension Subcommand {
  static let verify = Subcommand(
    "verify",
    summary: """
      Checks every page, every record, the Merkle tree, every checkpoint, and that a fresh fold equals \
      the live projection; or, with --proof, one record that somebody sent.
      """,
    options: [
      Option("checkpoint", "FILE", "a signed checkpoint from elsewhere that the log must bear out"),
      Option("since", "FILE", "an older one, which today's log must be an extension of"),
      Option("proof", "FILE", "check a proof of `prove`, /v1/receipts or `export`; needs no store"),
      Option("events", "FILE", "with --proof of `export`: the exported events"),
      Option("key", "KEY|FILE", "whose signatures count (the store's own, from checkpoint.pub)"),
    ]
  ) { (arguments) throws(ExitFailure) in
    _ = try arguments.expect()
    let keys = try KeyOption.keys(arguments)
    if let path = try arguments.value("proof") {
      for option in ["checkpoint", "since"] where try arguments.value(option) != nil {
        throw .usage(
          "--\(option) is about a store, and --proof comes with its own checkpoint: check them one by one"
        )
      }
      guard let events = try arguments.value("events") else {
        return try verifyProof(path, keys, arguments)
      }
      return try verifyRange(path, events, keys, arguments)
    }
    try verifyStore(keys, arguments)
  }

  private static func verifyStore(
    _ keys: [VerifyingKey]?, _ arguments: Arguments
  ) throws(ExitFailure) {
    let path = try arguments.dataPath()
    var kept: [KeptCheckpoint] = []
    for option in ["checkpoint", "since"] {
      guard let file = try arguments.value(option) else { continue }
      kept.append(KeptCheckpoint(.file(file), try InputFile.read(file)))
    }
    // The pages come first, and then the records: damage must be found by these checks, not by
    // opening the projection.
    let pageCount = try checkPages(path)
    let bar = ProgressBar("checking records")
    let start = System.clock()
    let report = try usingStore { () throws(StoreFailure) in
      try Store.verifyLog(at: path, trusting: keys, kept: kept) { bar.show($0, of: $1) }
    }
    let milliseconds = (System.clock().microseconds - start.microseconds) / 1000
    bar.end()
    try usingStore { () throws(StoreFailure) in try Store.checkNames(ofStoreAt: path) }
    let comparison: Comparison
    switch try OpenStore.aloneIfPossible(arguments) {
    case .opened(let store):
      try compare(store)
      try store.finish()
      comparison = .equal
    case .inUse: comparison = .omitted("the store is being served; stop the server for that")
    case .notWritable:
      comparison = .omitted(
        "nothing can be written to the store, and a fresh fold takes room in it")
    }
    if case .omitted = comparison { _ = try OpenStore.besideAServer(arguments) }
    show(
      report, milliseconds: milliseconds, pageCount: pageCount, keptCount: kept.count, comparison,
      arguments)
  }

  /// What became of the comparison of the projection with a fresh fold.
  private enum Comparison {
    case equal
    case omitted(String)

    var text: String {
      switch self {
      case .equal: "a fresh fold equals the live projection"
      case .omitted(let reason): "the projection was not compared: \(reason)"
      }
    }

    var wasMade: Bool { if case .equal = self { true } else { false } }
  }

  private static func show(
    _ report: LogVerification.Report, milliseconds: Int64, pageCount: UInt64, keptCount: Int,
    _ comparison: Comparison, _ arguments: Arguments
  ) {
    guard arguments.wantsJSON else {
      Terminal.say("\(grouped(pageCount)) pages are whole")
      Terminal.say("\(grouped(report.head.rawValue)) records are as they were written")
      Terminal.say(
        report.hasTree
          ? "the Merkle tree is that of the records; its root is \(report.root.base64)"
          : "there is no Merkle tree yet: it is made when the store is served")
      Terminal.say(
        "\(grouped(report.checkpointCount + keptCount)) signed checkpoints agree with the records")
      Terminal.say(comparison.text)
      return
    }
    var json = JSONWriter()
    json.beginObject()
    json.member("records", report.head.rawValue)
    json.member("milliseconds", Int(milliseconds))
    json.member("pages", pageCount)
    json.member("root_hash", report.root.base64)
    json.member("tree_compared", report.hasTree)
    json.member("checkpoints", report.checkpointCount + keptCount)
    json.member("projection_compared", comparison.wasMade)
    json.endObject()
    json.newline()
    Terminal.write(json.take())
  }

  /// Checks what somebody sent, without a store.
  private static func verifyProof(
    _ path: String, _ trusted: [VerifyingKey]?, _ arguments: Arguments
  ) throws(ExitFailure) {
    let keys = if let trusted { trusted } else { try KeyOption.ownKeys(arguments) }
    guard let origin = keys.first?.name.text else {
      throw .usage("--proof needs --key KEY: the text or file that the log's operator published")
    }
    let bytes = try InputFile.read(path)
    let (checkpoint, event): (Checkpoint, Event)
    do throws(LogProofRefusal) {
      let proof = try LogProof(parsing: bytes)
      guard let entry = proof.entry else {
        throw .entry
      }
      checkpoint = try proof.verify(entry: entry, origin: origin, keys: keys)
      event = try record(entry, path)
      guard event.position.rawValue == proof.index.number + 1 else {
        throw .proof(.noSuchLeaf(proof.index, size: checkpoint.size))
      }
    } catch {
      throw ExitFailure(.badData, "\(path): \(error); \(remedy(error))")
    }
    guard arguments.wantsJSON else {
      Terminal.say(EventLine.text(of: event))
      Terminal.say(
        "is record \(event.position) of \(checkpoint.size) that \(checkpoint.origin) has signed for"
      )
      return
    }
    var json = JSONWriter()
    json.beginObject()
    json.member("origin", checkpoint.origin)
    json.member("tree_size", checkpoint.size.count)
    json.member("root_hash", checkpoint.root.base64)
    json.name("event")
    json.event(event)
    json.endObject()
    json.newline()
    Terminal.write(json.take())
  }

  private static func remedy(_ refusal: LogProofRefusal) -> String {
    switch refusal {
    case .checkpoint(.note(.unknownKeys)):
      "name the key of its log with --key, or a file of its keys, one a line"
    case .tooLong, .notAProof, .malformed, .entry, .index, .path, .checkpoint, .proof:
      "get it again from `quotalog prove` or /v1/receipts: as it is, it proves nothing"
    }
  }

  private static func record(_ entry: [UInt8], _ path: String) throws(LogProofRefusal) -> Event {
    do { return try Event(record: entry) } catch { throw .entry }
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
        "the live projection differs from a fresh fold of the log: \(difference); "
          + "run `quotalog rebuild`")
    }
  }
}
