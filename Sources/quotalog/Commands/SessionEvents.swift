internal import Glibc
internal import JSON
internal import QuotaModel
internal import QuotaService
internal import Sessions

extension Subcommand {
  static let sessionEvents = Subcommand(
    "session", "events", arguments: "ID",
    summary: "Prints what a session's clients were told and keep, one event a line.",
    options: [Option("follow", nil, "go on with what happens, until interrupted")]
  ) { (arguments) throws(ExitFailure) in
    let address = try address(arguments.expect("ID")[0])
    let isFollowing = arguments.has("follow")
    let store =
      try isFollowing ? OpenStore.besideAServer(arguments) : OpenStore.forReading(arguments)
    let hub = SessionHub(Queries(store))
    let ref = try session(address, hub.queries).ref
    var last: SessionEventPlace?
    while true {
      let page = try usingStore { () throws(StoreFailure) in
        try hub.history(of: ref, after: last, limit: 500)
      }
      for event in page.events { try print(event, arguments.wantsJSON) }
      if page.seen > .zero {
        last = SessionEventPlace(position: page.seen, index: SessionEventPlace.lastIndex)
      }
      guard page.isLast else { continue }
      guard isFollowing, try !isDeleted(ref, hub.queries) else { break }
      usleep(100_000)
    }
    try store.finish()
  }

  private static func isDeleted(
    _ ref: SessionRef, _ queries: Queries
  ) throws(ExitFailure) -> Bool {
    let session = try usingStore { () throws(StoreFailure) in try queries.session(ref) }
    return session?.phase != .open && session?.phase != .closed
  }

  private static func print(_ event: ClientEvent, _ wantsJSON: Bool) throws(ExitFailure) {
    if wantsJSON { return Terminal.write(event.json + [0x0A]) }
    guard let json = try? JSONParser().parse(event.json), let data = json["data"] else {
      throw ExitFailure(.badData, "the event \(event.id) is not JSON")
    }
    let text = String(decoding: data.sourceText, as: UTF8.self)
    Terminal.say(
      "\(json["timestamp"]?.string ?? "") \(pad(event.type, to: 31)) "
        + Terminal.coloured(text, .grey))
  }
}
