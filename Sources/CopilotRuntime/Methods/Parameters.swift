internal import JSON
internal import QuotaModel
internal import QuotaService
internal import Sessions

/// The parameters of a call; every fault names the member and the rule.
struct Parameters {
  let json: JSONValue?

  init(_ json: JSONValue?) { self.json = json?.kind == .object ? json : nil }

  /// A member that is there and not null.
  subscript(name: StaticString) -> JSONValue? {
    json?[name].flatMap { $0.kind == .null ? nil : $0 }
  }

  /// A text, or nil where there is none, whatever else is there.
  func text(_ name: StaticString) -> String? { self[name]?.string }

  func optionalText(_ name: StaticString) throws(CallFault) -> String? {
    guard let value = self[name] else { return nil }
    guard let text = value.string else { throw .text("\(name) must be a string") }
    return text
  }

  func requiredText(_ name: StaticString) throws(CallFault) -> String {
    guard let text = try optionalText(name) else { throw .text("\(name) is required") }
    return text
  }

  func bool(_ name: StaticString) throws(CallFault) -> Bool? {
    guard let value = self[name] else { return nil }
    guard let bool = value.bool else { throw .text("\(name) must be true or false") }
    return bool
  }

  func integer(_ name: StaticString, in range: ClosedRange<Int64>) throws(CallFault) -> Int64? {
    guard let value = self[name] else { return nil }
    guard let number = value.int64, range.contains(number) else {
      throw .text("\(name) must be an integer from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  func model(_ name: StaticString = "model") throws(CallFault) -> ModelName? {
    guard let text = try optionalText(name) else { return nil }
    do { return try ModelName(text) } catch { throw .text("\(name) \(error)") }
  }

  func sessionID() throws(CallFault) -> SessionID {
    let text = try requiredText("sessionId")
    guard let id = try? SessionID(text) else { throw .noSession(text) }
    return id
  }

  /// `sessionLimits` by the table of 2.2: absent keeps; null, `{}` and a null amount remove.
  func sessionLimits(minimum: NanoCredits) throws(CallFault) -> CapUpdate {
    guard let value = json?["sessionLimits"] else { return .keep }
    if value.kind == .null { return .remove }
    guard value.kind == .object else { throw .text("sessionLimits must be an object or null") }
    guard let amount = value["maxAiCredits"], amount.kind != .null else { return .remove }
    return .set(try Self.cap(amount, "sessionLimits.maxAiCredits", minimum: minimum))
  }

  /// A number of credits above zero.
  static func credits(_ value: JSONValue?, _ name: String) throws(CallFault) -> NanoCredits {
    guard let value, value.kind != .null else { throw .text("\(name) is required") }
    guard let text = value.numberText, let amount = NanoCredits(credits: text), amount > .zero
    else { throw .text("\(name) must be a number above 0 and at most 9223372036.854775807") }
    return amount
  }

  static func cap(
    _ value: JSONValue?, _ name: String, minimum: NanoCredits
  ) throws(CallFault) -> NanoCredits {
    let cap = try credits(value, name)
    guard cap >= minimum else {
      throw .text("Minimum session limit is \(minimum.credits) AI credits.")
    }
    return cap
  }
}

extension JSONWriter {
  mutating func nullMember(_ name: StaticString) {
    self.name(name)
    null()
  }
}
