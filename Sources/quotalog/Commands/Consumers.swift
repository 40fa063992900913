internal import JSON
internal import QuotaAPI
internal import QuotaModel
internal import QuotaService

extension Subcommand {
  static let consumerList = Subcommand(
    "consumer", "list",
    summary: "Lists the named readers of events, and how far each has come."
  ) { (arguments) throws(ExitFailure) in
    _ = try arguments.expect()
    let store = try OpenStore.forReading(arguments)
    let consumers = try usingStore { () throws(StoreFailure) in try Consumers.stored(in: store) }
    let head = try usingStore { () throws(StoreFailure) in try Queries(store).head() }
    for consumer in consumers {
      if arguments.wantsJSON { print(consumer, head) } else { list(consumer, head) }
    }
    try store.finish()
  }

  private static func print(_ consumer: Consumer, _ head: Position) {
    var json = JSONWriter()
    json.consumer(consumer, head: head)
    json.newline()
    Terminal.write(json.take())
  }

  private static func list(_ consumer: Consumer, _ head: Position) {
    let lag = head.rawValue - min(head, consumer.position).rawValue
    let state = lag == 0 ? "up to date" : "\(grouped(lag)) behind"
    Terminal.say(
      pad(consumer.name.description, to: 30) + " " + pad(consumer.position.description, to: 12)
        + pad(Terminal.coloured(state, lag == 0 ? .green : .yellow), to: 20)
        + " " + consumer.updatedAt.rfc3339)
  }
}
