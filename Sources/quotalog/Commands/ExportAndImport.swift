internal import EventJSON
internal import Evidence
internal import Glibc
internal import JSON
internal import QuotaModel
internal import QuotaService

extension Subcommand {
  static let export = Subcommand(
    "export",
    summary: "Writes every event as JSON Lines, which `import` turns into the same store.",
    options: [
      Option("output", "FILE", "write to a file instead of standard output"),
      Option("without-names", nil, "leave out what users are called"),
      Option("from", "POSITION", "begin with this event (1)"),
      Option("to", "POSITION", "end with this event (the last one)"),
      Option("proof", "FILE", "also write what proves that these events are in the log"),
    ]
  ) { (arguments) throws(ExitFailure) in
    _ = try arguments.expect()
    let from = try arguments.number("from", in: 1...Int64.max) ?? 1
    try OpenStore.checkLogPages(arguments)
    let store = try OpenStore.forReading(arguments)
    let queries = Queries(store)
    let range = try range(from: from, arguments, queries)
    let output = try output(arguments)
    let bar = ProgressBar("exporting")
    var filter = EventFilter()
    filter.after = Position(range.lowerBound - 1)
    var json = JSONWriter()
    var count: UInt64 = 0
    // What is appended meanwhile belongs to the next export.
    while count < range.count {
      filter.limit = min(2000, range.count - Int(count))
      let page = try usingStore { () throws(StoreFailure) in try queries.events(filter) }
      for event in page.events {
        json.event(event, userName: try name(event, queries, arguments))
        json.newline()
      }
      count += UInt64(page.events.count)
      try write(json.take(), to: output)
      filter.after = page.nextAfter
      bar.show(count, of: UInt64(range.count))
    }
    bar.end()
    try writeProof(of: range, store, arguments)
    if output.descriptor != STDOUT_FILENO {
      guard fsync(output.descriptor) == 0 else { throw systemFailure() }
      close(output.descriptor)
      Terminal.say("exported \(grouped(count)) events")
    }
    try store.finish()
  }

  static let `import` = Subcommand(
    "import", arguments: "[FILE|-]",
    summary: "Takes over exported events, with their positions and times, into an empty store."
  ) { (arguments) throws(ExitFailure) in
    guard arguments.positional.count <= 1 else { throw .usage("import takes one file") }
    let reader = try LineReader(arguments.positional.first ?? "-")
    let path = try arguments.dataPath()
    if !Store.exists(at: path) {
      try usingStore { () throws(StoreFailure) in
        try Store.create(at: path, clock: System.clock)
      }
    }
    let store = try OpenStore.forWriting(arguments)
    let importer = try usingStore { () throws(StoreFailure) in try Importer(into: store) }
    let bar = ProgressBar("importing")
    let parser = JSONParser()
    while let line = try reader.next() {
      let (event, name) = try event(line, reader.number, parser)
      try usingStore { () throws(StoreFailure) in
        try importer.add(event, name: name, line: reader.number)
      }
      bar.show(reader.byteCount, of: reader.totalByteCount ?? reader.byteCount)
    }
    try usingStore { () throws(StoreFailure) in try importer.finish() }
    bar.end()
    try store.finish()
    report(imported: importer.importedCount, arguments)
  }

  /// The positions that are exported; none of an empty log.
  private static func range(
    from: Int64, _ arguments: Arguments, _ queries: Queries
  ) throws(ExitFailure) -> Range<UInt64> {
    let head = try usingStore { () throws(StoreFailure) in try queries.head() }.rawValue
    let to = try arguments.number("to", in: 1...Int64.max).map { UInt64($0) }
    guard to ?? head <= head else {
      throw ExitFailure(.badData, "--to lies behind the last position, \(head)")
    }
    let end = to ?? head
    guard UInt64(from) <= end || (head == 0 && from == 1) else {
      throw ExitFailure(.badData, "--from \(from) lies behind the last event, \(end)")
    }
    return UInt64(from)..<max(end + 1, UInt64(from))
  }

  private static func writeProof(
    of range: Range<UInt64>, _ store: Store, _ arguments: Arguments
  ) throws(ExitFailure) {
    guard let path = try arguments.value("proof") else { return }
    guard !range.isEmpty else { throw ExitFailure(.badData, "there is no event to prove") }
    let proof = try usingStore { () throws(StoreFailure) in
      try store.proof(from: Position(range.lowerBound), to: Position(range.upperBound - 1))
    }
    try OutputFile.write(proof.text, to: path)
  }

  private static func name(
    _ event: Event, _ queries: Queries, _ arguments: Arguments
  ) throws(ExitFailure) -> UserName? {
    guard case .userRegistered(let user, role: _) = event.fact, !arguments.has("without-names")
    else { return nil }
    return try usingStore { () throws(StoreFailure) in try queries.name(of: user) }
  }

  private static func output(_ arguments: Arguments) throws(ExitFailure) -> Output {
    guard let path = try arguments.value("output") else {
      return Output(descriptor: STDOUT_FILENO)
    }
    let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o640)
    guard descriptor >= 0 else {
      throw ExitFailure(.cannotCreate, "\(path): \(unsafe String(cString: strerror(errno)))")
    }
    return Output(descriptor: descriptor)
  }

  private static func write(_ bytes: [UInt8], to output: Output) throws(ExitFailure) {
    if !output.write(bytes) { throw systemFailure() }
  }

  private static func systemFailure() -> ExitFailure {
    ExitFailure(.inputOutput, "writing failed: \(unsafe String(cString: strerror(errno)))")
  }

  static func event(
    _ line: [UInt8], _ number: Int, _ parser: JSONParser
  ) throws(ExitFailure) -> (Event, UserName?) {
    let json: JSONValue
    do {
      json = try parser.parse(line)
    } catch {
      throw ExitFailure(.badData, "line \(number): is not JSON: \(error)")
    }
    do {
      return (try Event(json: json), try? json["name"]?.string.map(UserName.init))
    } catch {
      throw ExitFailure(.badData, "line \(number): \(error)")
    }
  }

  private static func report(imported count: UInt64, _ arguments: Arguments) {
    guard arguments.wantsJSON else {
      return Terminal.say("imported \(grouped(count)) events")
    }
    var json = JSONWriter()
    json.beginObject()
    json.member("imported", count)
    json.endObject()
    json.newline()
    Terminal.write(json.take())
  }
}
