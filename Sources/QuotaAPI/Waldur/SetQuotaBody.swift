internal import EventJSON
internal import HTTPServer
internal import JSON
internal import QuotaModel
internal import QuotaService

/// What a `set_quota` body asks for (contract chat-quota, section 4).
struct SetQuotaBody: Hashable {
  var user: UserID
  /// nil where the body leaves the limit out; `unset` for null.
  var limits: PerCount<LimitUpdate?>
}

/// Why a `set_quota` body is refused: the whole answer.
enum SetQuotaFault: Error, Hashable {
  case notJSON(String)
  case noData
  case notAnObject(found: String)
  /// Every faulty member with its one message, in the contract's order.
  case members([Member])

  struct Member: Hashable {
    var name: String
    var text: String
  }

  var response: HTTPResponse {
    switch self {
    case .notJSON(let reason): .detail(400, "JSON parse error - \(reason)")
    case .noData: Self.response([Member(name: "non_field_errors", text: "No data provided")])
    case .notAnObject(let found):
      Self.response([
        Member(
          name: "non_field_errors",
          text: "Invalid data. Expected a dictionary, but got \(found).")
      ])
    case .members(let members): Self.response(members)
    }
  }

  private static func response(_ members: [Member]) -> HTTPResponse {
    .json(400) { json in
      json.beginObject()
      for member in members {
        json.name(member.name)
        json.beginArray()
        json.string(member.text)
        json.endArray()
      }
      json.endObject()
    }
  }
}

extension SetQuotaBody {
  static let userRequired = "This field is required."
  static let userNull = "This field may not be null."
  static let userInvalid = "Must be a valid UUID."

  /// The body of a request whose media type is fine. An empty one lacks everything.
  init(_ body: [UInt8], isForm: Bool, parser: JSONParser) throws(SetQuotaFault) {
    if body.isEmpty {
      throw .members([SetQuotaFault.Member(name: "user_uuid", text: Self.userRequired)])
    }
    if isForm {
      try self.init(form: FormPairs(body))
    } else {
      try self.init(json: try Self.parse(body, parser))
    }
  }

  private static func parse(
    _ body: [UInt8], _ parser: JSONParser
  ) throws(SetQuotaFault) -> JSONValue {
    do { return try parser.parse(body) } catch { throw .notJSON(error.description) }
  }

  private init(form: FormPairs) throws(SetQuotaFault) {
    var members = MemberReader()
    let user = members.user { () throws(MemberReader.Fault) in
      guard let text = form["user_uuid"] else { throw MemberReader.Fault(text: Self.userRequired) }
      return try Self.user(spelling: text)
    }
    let limits = PerCount<LimitUpdate?> { period in
      members.limit(period) { () throws(LimitText.Fault) in
        guard let text = form[period.period.limitName.description] else { return nil }
        return text.isEmpty ? .unset : .set(try LimitText.limit(inString: text))
      }
    }
    try self.init(user, limits, members)
  }

  private init(json: JSONValue) throws(SetQuotaFault) {
    switch json.kind {
    case .object: break
    case .null: throw .noData
    case .array: throw .notAnObject(found: "list")
    case .string: throw .notAnObject(found: "str")
    case .boolean: throw .notAnObject(found: "bool")
    case .number: throw .notAnObject(found: json.isIntegerLiteral ? "int" : "float")
    }
    var members = MemberReader()
    let user = members.user { () throws(MemberReader.Fault) in
      guard let value = json["user_uuid"] else {
        throw MemberReader.Fault(text: Self.userRequired)
      }
      return try Self.user(value)
    }
    let limits = PerCount<LimitUpdate?> { period in
      members.limit(period) { () throws(LimitText.Fault) in
        guard let value = json[period.period.limitName] else { return nil }
        return try Self.limit(value)
      }
    }
    try self.init(user, limits, members)
  }

  private init(
    _ user: UserID?, _ limits: PerCount<LimitUpdate?>, _ members: MemberReader
  ) throws(SetQuotaFault) {
    guard members.faults.isEmpty, let user else { throw .members(members.faults) }
    self.user = user
    self.limits = limits
  }

  private static func user(_ value: JSONValue) throws(MemberReader.Fault) -> UserID {
    switch value.kind {
    case .null: throw MemberReader.Fault(text: userNull)
    case .string: return try user(spelling: value.string ?? "")
    case .boolean: return UserID(high: 0, low: value.bool == true ? 1 : 0)
    case .number:
      // An integer literal is the 128-bit number itself, as upstream reads it.
      guard value.isIntegerLiteral, let text = value.numberText,
        let low = text == "-0" ? 0 : UInt64(text)
      else { throw MemberReader.Fault(text: userInvalid) }
      return UserID(high: 0, low: low)
    case .array, .object: throw MemberReader.Fault(text: userInvalid)
    }
  }

  private static func user(spelling text: String) throws(MemberReader.Fault) -> UserID {
    guard let user = UserID(spelling: text) else { throw MemberReader.Fault(text: userInvalid) }
    return user
  }

  private static func limit(_ value: JSONValue) throws(LimitText.Fault) -> LimitUpdate {
    switch value.kind {
    case .null: .unset
    case .string: .set(try LimitText.limit(inString: value.string ?? ""))
    case .number: .set(try LimitText.limit(Array((value.numberText ?? "").utf8)))
    case .boolean, .array, .object: throw LimitText.Fault(text: LimitText.integerRequired)
    }
  }
}

/// Reads members one after another and keeps every fault.
private struct MemberReader {
  struct Fault: Error {
    let text: String
  }

  private(set) var faults: [SetQuotaFault.Member] = []

  mutating func user(_ read: () throws(Fault) -> UserID) -> UserID? {
    do {
      return try read()
    } catch {
      faults.append(SetQuotaFault.Member(name: "user_uuid", text: error.text))
      return nil
    }
  }

  mutating func limit(
    _ period: CountedPeriod, _ read: () throws(LimitText.Fault) -> LimitUpdate?
  ) -> LimitUpdate? {
    do {
      return try read()
    } catch {
      faults.append(
        SetQuotaFault.Member(name: period.period.limitName.description, text: error.text))
      return nil
    }
  }
}

extension JSONValue {
  /// Whether a number is written without fraction and exponent.
  var isIntegerLiteral: Bool {
    unsafe withNumberBytes { bytes in
      unsafe bytes.allSatisfy { (0x30...0x39).contains($0) || $0 == UInt8(ascii: "-") }
    } ?? false
  }
}
