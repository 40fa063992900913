internal import EventJSON
internal import JSON
internal import QuotaModel
internal import QuotaService

/// Reads the bodies of `POST /v1/usage`, on any thread: one item, or many of which each may be wrong.
///
/// Items are counted before the first of them is read, so that a body takes no more memory than a small
/// multiple of itself, whatever stands in it.
struct UsageIntake: Sendable {
  /// Items of one request; more belong in several requests.
  static let maximumItemCount = 10_000

  typealias Item = Result<UsageItem, Problem>

  enum Found: Sendable {
    case one(UsageItem)
    case many(UsageItems)
  }

  let type: MediaType
  /// The `Idempotency-Key` header.
  let key: String?
  let registersUnknownUser: Bool

  func read(_ body: [UInt8], _ parser: JSONParser) throws(Problem) -> Found {
    switch type {
    case .json:
      let json = try parsed(body, parser)
      if json.kind == .array { return .many(try items(of: json, usageItem)) }
      guard key?.isEmpty != true else { throw .invalid("Idempotency-Key", "must not be empty") }
      return .one(try usageItem(json, key: key).get())
    case .cloudEvent: return .one(try cloudEventItem(try parsed(body, parser)).get())
    case .cloudEventBatch:
      let json = try parsed(body, parser)
      guard json.kind == .array else {
        throw Problem(400, "invalid", "a batch of CloudEvents must be a JSON array")
      }
      return .many(try items(of: json, cloudEventItem))
    case .jsonLines: return .many(try lines(of: body, parser))
    case .form, .other:
      throw Problem(
        415, "media_type",
        "the Content-Type must be application/json, application/jsonl, "
          + "application/cloudevents+json or application/cloudevents-batch+json",
        member: "Content-Type")
    }
  }

  private func parsed(_ body: [UInt8], _ parser: JSONParser) throws(Problem) -> JSONValue {
    do { return try parser.parse(body) } catch { throw Problem(error) }
  }

  private func items(
    of json: JSONValue, _ read: (JSONValue) -> Item
  ) throws(Problem) -> UsageItems {
    try check(count: json.count)
    var items = UsageItems(capacity: json.count)
    for element in json.elements { items.add(read(element)) }
    return items
  }

  private func check(count: Int) throws(Problem) {
    guard count <= Self.maximumItemCount else {
      throw Problem(
        413, "too_many", "at most \(Self.maximumItemCount) items fit in one request")
    }
  }

  private func usageItem(_ json: JSONValue) -> Item { usageItem(json, key: nil) }

  private func usageItem(_ json: JSONValue, key: String?) -> Item {
    Result { () throws(MemberFault) in
      try UsageItem(usage: json, key: key, registersUnknownUser: registersUnknownUser)
    }.mapError(Problem.init)
  }

  private func cloudEventItem(_ json: JSONValue) -> Item {
    Result { () throws(MemberFault) in
      try UsageItem(cloudEvent: json, registersUnknownUser: registersUnknownUser)
    }.mapError(Problem.init)
  }

  /// JSON Lines: empty lines do not count, a bad line spoils only itself.
  private func lines(of body: [UInt8], _ parser: JSONParser) throws(Problem) -> UsageItems {
    var count = 0
    var lines = JSONLines(body)
    while lines.next() != nil, count <= Self.maximumItemCount { count += 1 }
    try check(count: count)
    var items = UsageItems(capacity: count)
    lines = JSONLines(body)
    while let line = lines.next() {
      do throws(JSONSyntaxError) {
        items.add(usageItem(try parser.parse(Array(body[line]))))
      } catch {
        items.add(.failure(Problem(400, "not_json", "the line is not JSON: \(error)")))
      }
    }
    return items
  }
}

/// The items of one request: those that could be read, and what is wrong with the others.
struct UsageItems: Sendable {
  private(set) var readable: [UsageItem] = []
  /// In their order, and where they stand among all.
  private(set) var faults: [(index: Int, problem: Problem)] = []

  init(capacity: Int) { readable.reserveCapacity(capacity) }

  var count: Int { readable.count + faults.count }

  mutating func add(_ item: UsageIntake.Item) {
    switch item {
    case .success(let item): readable.append(item)
    case .failure(let problem): faults.append((count, problem))
    }
  }
}

/// Where the lines of a text lie that have more than blanks.
struct JSONLines {
  private let text: [UInt8]
  private var position = 0

  init(_ text: [UInt8]) { self.text = text }

  mutating func next() -> Range<Int>? {
    while position < text.count {
      let start = position
      var isBlank = true
      while position < text.count, text[position] != UInt8(ascii: "\n") {
        if ![0x20, 0x0D, 0x09].contains(text[position]) { isBlank = false }
        position += 1
      }
      let end = position
      position += 1
      if !isBlank { return start..<end }
    }
    return nil
  }
}
