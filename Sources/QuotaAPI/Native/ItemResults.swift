internal import HTTPServer
internal import JSON
internal import QuotaModel
internal import QuotaService

/// The items of one request, and what was answered to each that could be read.
struct ItemOutcomes: Sendable {
  let items: UsageItems
  fileprivate(set) var answers: [Answer?]

  fileprivate init(_ items: UsageItems) {
    self.items = items
    answers = Array(repeating: nil, count: items.readable.count)
  }
}

/// The answers to the items of one request as they come. Belongs to the loop's thread.
final class ItemResults {
  private(set) var outcomes: ItemOutcomes
  private var missing: Int
  private let complete: (ItemOutcomes) -> Void

  /// `complete` gets the outcomes when every item that could be read has its answer.
  init(_ items: UsageItems, complete: @escaping (ItemOutcomes) -> Void) {
    outcomes = ItemOutcomes(items)
    missing = items.readable.count
    self.complete = complete
  }

  func set(_ answer: Answer, at index: Int) {
    outcomes.answers[index] = answer
    missing -= 1
    if missing == 0 { complete(outcomes) }
  }
}

extension Submission {
  /// Usage as it was reported.
  init(_ item: UsageItem, by actor: Actor) {
    self.init(.recordUsage(item.report), by: actor, requestID: item.requestID)
  }
}

extension HTTPResponse {
  /// The answer to a request of many items.
  static func results(_ outcomes: ItemOutcomes) -> HTTPResponse {
    var json = JSONWriter()
    json.reserveCapacity(128 * outcomes.items.count + 64)
    json.beginObject()
    json.name("results")
    json.beginArray()
    let receipts = json.results(outcomes)
    json.endArray()
    json.name("position")
    if let head = receipts.head { json.integer(head.rawValue) } else { json.null() }
    json.endObject()
    return HTTPResponse(
      status: receipts.count == outcomes.items.count ? 200 : 207,
      headers: [(name: "Content-Type", value: "application/json")], body: json.take())
  }
}

/// The receipts among the results of one request.
private struct ItemReceipts {
  private(set) var count = 0
  /// The last position of all.
  private(set) var head: Position?

  mutating func add(_ receipt: Receipt) {
    count += 1
    head = max(head ?? receipt.position, receipt.position)
  }
}

extension JSONWriter {
  /// Writes what became of each item, in the order of the request.
  fileprivate mutating func results(_ outcomes: ItemOutcomes) -> ItemReceipts {
    var receipts = ItemReceipts()
    var faults = outcomes.items.faults.makeIterator()
    var fault = faults.next()
    var next = 0
    for index in 0..<outcomes.items.count {
      if let problem = fault?.problem, fault?.index == index {
        failure(problem, id: nil)
        fault = faults.next()
      } else {
        let receipt = result(of: outcomes.items.readable[next], outcomes.answers[next])
        if let receipt { receipts.add(receipt) }
        next += 1
      }
    }
    return receipts
  }

  /// Writes what became of one item; answers the receipt where it was recorded.
  private mutating func result(of item: UsageItem, _ answer: Answer?) -> Receipt? {
    switch answer {
    case .recorded(let receipt):
      beginObject()
      member("status", receipt.isReplayed ? 200 : 201)
      self.receipt(receipt, id: item.id)
      endObject()
      return receipt
    case .failed(let reason): failure(Problem(reason), id: item.id)
    case .unchanged, .granted, .held, .refused, .settled, .extended, .session, .budget, nil:
      failure(Problem(500, "internal", "no answer that fits"), id: item.id)
    }
    return nil
  }

  private mutating func failure(_ problem: Problem, id: String?) {
    beginObject()
    member("status", problem.status)
    if let id { member("id", id) }
    name("error")
    problem.write(into: &self)
    endObject()
  }
}
