internal import Evidence
internal import JSON
internal import QuotaModel
internal import QuotaService

extension Subcommand {
  static let backup = Subcommand(
    "backup", arguments: "DIR",
    summary: "Copies the store to DIR while it is served, or brings the backup there up to date.",
    options: [
      Option("check", nil, "read and hash the backup in DIR instead; needs no store"),
      Option("key", "KEY|FILE", "with --check: whose signature counts (the backup's own)"),
    ]
  ) { (arguments) throws(ExitFailure) in
    let path = try arguments.expect("DIR")[0]
    if arguments.has("check") { return try check(path, arguments) }
    let store = try OpenStore.forCopying(arguments)
    let bar = ProgressBar("copying")
    let report = try usingStore { () throws(StoreFailure) in
      try store.backUp(to: path, clock: System.clock) { bar.show($0, of: $1) }
    }
    bar.end()
    try store.finish()
    guard arguments.wantsJSON else {
      return Terminal.say(
        "copied \(grouped(report.newCount)) new records; the backup in \(path) has "
          + "\(grouped(report.position.rawValue)), read back and verified")
    }
    var json = JSONWriter()
    json.beginObject()
    json.member("new_records", report.newCount)
    json.member("records", report.position.rawValue)
    json.endObject()
    json.newline()
    Terminal.write(json.take())
  }

  static let restore = Subcommand(
    "restore", arguments: "BACKUP",
    summary: "Makes a store of a backup, in the directory --data, whole or up to a point.",
    options: [
      Option("to", "POSITION|TIME", "nothing that happened later; makes a log of its own"),
      Option("key", "KEY|FILE", "whose signature counts (the backup's own)"),
    ]
  ) { (arguments) throws(ExitFailure) in
    let path = try arguments.expect("BACKUP")[0]
    let keys = try KeyOption.keys(arguments)
    let data = try arguments.dataPath()
    var point: PointInTime?
    if let text = try arguments.value("to") {
      point = PointInTime(text)
      guard point != nil else {
        throw .usage(
          "--to must be a position or a moment such as 2026-11-20T21:00:00Z, not \(text)")
      }
    }
    let bar = ProgressBar("restoring")
    let report = try usingStore { () throws(StoreFailure) in
      try Backup(at: path).restore(to: data, point: point, trusting: keys) { bar.show($0, of: $1) }
    }
    bar.end()
    // Folds the log, so that the store can be served at once.
    try OpenStore.forWriting(arguments).finish()
    guard arguments.wantsJSON else {
      Terminal.say("restored \(grouped(report.position.rawValue)) records to \(data)")
      if !report.isWhole {
        Terminal.say(
          "The log is one of its own, \(report.origin), with a key of its own: what was signed for "
            + "the other one does not hold for it.")
      }
      return
    }
    var json = JSONWriter()
    json.beginObject()
    json.member("records", report.position.rawValue)
    json.member("origin", report.origin)
    json.member("whole", report.isWhole)
    json.endObject()
    json.newline()
    Terminal.write(json.take())
  }

  private static func check(_ path: String, _ arguments: Arguments) throws(ExitFailure) {
    let keys = try KeyOption.keys(arguments)
    let bar = ProgressBar("hashing")
    let (backup, checkpoint) = try usingStore { () throws(StoreFailure) in
      let backup = try Backup(at: path)
      return (backup, try backup.verify(trusting: keys) { bar.show($0, of: $1) })
    }
    bar.end()
    guard arguments.wantsJSON else {
      return Terminal.say(
        "the backup of \(backup.madeAt.rfc3339) has \(grouped(backup.position.rawValue)) records, "
          + "as \(checkpoint.origin) has signed for")
    }
    var json = JSONWriter()
    json.beginObject()
    json.member("records", backup.position.rawValue)
    json.member("made_at", backup.madeAt.rfc3339)
    json.member("origin", checkpoint.origin)
    json.member("root_hash", checkpoint.root.base64)
    json.endObject()
    json.newline()
    Terminal.write(json.take())
  }
}
