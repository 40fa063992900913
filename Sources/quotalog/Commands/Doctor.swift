internal import JSON
internal import QuotaService

extension Subcommand {
  static let doctor = Subcommand(
    "doctor",
    summary: "Examines a data directory and says what it would do; changes nothing.",
    options: [Option("records", nil, "read and hash every record, too")]
  ) { (arguments) throws(ExitFailure) in
    _ = try arguments.expect()
    let path = try arguments.dataPath()
    let bar = ProgressBar("examining")
    let findings = Doctor(ofStoreAt: path).examine(readingRecords: arguments.has("records")) {
      bar.show($0, of: $1)
    }
    bar.end()
    if arguments.wantsJSON { print(findings) } else { findings.forEach(say) }
    let failures = findings.filter { $0.severity == .failure }
    guard failures.isEmpty else {
      throw ExitFailure(
        .badData, failures.count == 1 ? "1 part is broken" : "\(failures.count) parts are broken")
    }
  }

  private static func say(_ finding: DoctorFinding) {
    let mark: String =
      switch finding.severity {
      case .fine: Terminal.coloured("fine   ", .green)
      case .note: Terminal.coloured("note   ", .grey)
      case .warning: Terminal.coloured("warning", .yellow)
      case .failure: Terminal.coloured("broken ", .red)
      }
    Terminal.say("\(mark)  \(pad(finding.part, to: 14)) \(finding.text)")
    if let remedy = finding.remedy { Terminal.say(pad("", to: 24) + "→ \(remedy)") }
  }

  private static func print(_ findings: [DoctorFinding]) {
    var json = JSONWriter()
    json.beginObject()
    json.name("findings")
    json.beginArray()
    for finding in findings {
      json.beginObject()
      json.member("severity", finding.severity.rawValue)
      json.member("part", finding.part)
      json.member("text", finding.text)
      json.member("remedy", optional: finding.remedy)
      json.endObject()
    }
    json.endArray()
    json.endObject()
    json.newline()
    Terminal.write(json.take())
  }
}
