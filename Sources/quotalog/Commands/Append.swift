internal import EventJSON
internal import JSON
internal import QuotaAPI
internal import QuotaModel
internal import QuotaService

extension Subcommand {
  static let append = Subcommand(
    "append", arguments: "[FILE|-]",
    summary: "Records usage from JSON Lines, as POST /v1/usage takes them.",
    options: [Option("register-unknown-users", nil, "register users on first sight")]
  ) { (arguments) throws(ExitFailure) in
    guard arguments.positional.count <= 1 else { throw .usage("append takes one file") }
    let reader = try LineReader(arguments.positional.first ?? "-")
    let store = try OpenStore.forWriting(arguments)
    let bar = ProgressBar("appending")
    let batches = LineBatches(store) { (answer) in
      if case .failed(let failure) = answer { return QuotalogFailure.of(failure).message }
      return nil
    }
    let parser = JSONParser()
    try store.finish { () throws(ExitFailure) in
      while let line = try reader.next() {
        do throws(LineFault) {
          let item = try UsageItem(
            line: line, parser, registersUnknownUser: arguments.has("register-unknown-users"))
          batches.add(.recordUsage(item.report), requestID: item.requestID, line: reader.number)
        } catch {
          batches.refuse(line: reader.number, error.description)
        }
        bar.show(reader.byteCount, of: reader.totalByteCount ?? reader.byteCount)
      }
      batches.flush()
      bar.end()
    }
    try batches.report(done: "recorded", arguments)
  }
}

extension UsageItem {
  fileprivate init(
    line: [UInt8], _ parser: JSONParser, registersUnknownUser: Bool
  ) throws(LineFault) {
    let json: JSONValue
    do { json = try parser.parse(line) } catch { throw LineFault("is not JSON: \(error)") }
    do {
      try self.init(usage: json, registersUnknownUser: registersUnknownUser)
    } catch {
      throw LineFault(error.description)
    }
  }
}
