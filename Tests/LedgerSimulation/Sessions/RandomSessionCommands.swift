internal import QuotaModel
internal import QuotaService

/// Draws what clients ask of sessions: few names, so that everything meets everything.
struct RandomSessionCommands {
  /// Whether capped sessions refuse models without price.
  let refusesUnpriced: Bool
  let users: [UserID]
  /// Ids of questions that were opened, the latest last.
  var questions: [EntryID] = []

  static let price: ModelPrice = {
    let rates = [3, 5, 1, 2].compactMap { NanoCredits($0 as Int64) }
    let price = ModelPrice(
      input: rates[0], output: rates[1], cacheRead: rates[2], cacheWrite: rates[3], batchSize: 2)
    guard let price else { preconditionFailure("the price is refused") }
    return price
  }()

  func command(
    _ naive: NaiveSessions, using numbers: inout SeededNumbers
  ) -> SessionCommand {
    if numbers.once(in: 12) { return .start(opening(using: &numbers)) }
    if numbers.once(in: 25) {
      return .setBudget(
        budget(using: &numbers), amount(1...300, using: &numbers), access(using: &numbers))
    }
    let address = address(naive, using: &numbers)
    switch Int.random(in: 0..<40, using: &numbers) {
    case 0..<12: return .admit(address, call(using: &numbers))
    case 12..<18: return .recordUsage(address, usage(using: &numbers))
    case 18..<24: return endOfCall(address, naive, using: &numbers)
    case 24..<29: return answer(address, using: &numbers)
    case 29..<31:
      return .setLimit(
        address, update(using: &numbers), change: numbers.once(in: 2) ? nil : step("k", 6, &numbers)
      )
    case 31: return .resume(address, resumption(using: &numbers))
    case 32: return .receive(address, System.randomEntry(), text: text(using: &numbers))
    case 33: return .clear(address)
    case 34: return numbers.once(in: 2) ? .close(address, .routine) : .abort(address)
    case 35: return numbers.once(in: 3) ? .delete(address) : .clear(address)
    case 36: return .fail(address, SessionError(kind: mark("oops")), text: text(using: &numbers))
    case 37: return .drop(address, step("c", 30, &numbers), nil)
    case 38: return .setModel(address, model(using: &numbers))
    default: return .admit(address, call(using: &numbers))
    }
  }

  private func address(
    _ naive: NaiveSessions, using numbers: inout SeededNumbers
  ) -> SessionAddress {
    SessionAddress(id(using: &numbers), as: viewer(using: &numbers))
  }

  private func viewer(using numbers: inout SeededNumbers) -> SessionViewer {
    numbers.once(in: 10) ? .user(numbers.element(of: users)) : .everybody
  }

  private func access(using numbers: inout SeededNumbers) -> BudgetAccess? {
    switch Int.random(in: 0..<3, using: &numbers) {
    case 0: nil
    case 1: .open
    default: .members(users.filter { _ in numbers.once(in: 2) }.sorted())
    }
  }

  private func opening(using numbers: inout SeededNumbers) -> SessionOpening {
    SessionOpening(
      id: id(using: &numbers), user: numbers.once(in: 2) ? nil : numbers.element(of: users),
      viewer: viewer(using: &numbers), limit: update(using: &numbers),
      model: numbers.once(in: 2) ? nil : model(using: &numbers),
      budget: numbers.once(in: 2) ? nil : budget(using: &numbers), text: text(using: &numbers),
      whenItExists: numbers.once(in: 2) ? .attach : .compare)
  }

  private func resumption(using numbers: inout SeededNumbers) -> SessionResumption {
    SessionResumption(
      limit: update(using: &numbers), wasActive: numbers.once(in: 2),
      isSilent: numbers.once(in: 2))
  }

  private func call(using numbers: inout SeededNumbers) -> CallRequest {
    CallRequest(
      call: step("c", 30, &numbers),
      estimate: numbers.once(in: 3) ? nil : amount(0...40, using: &numbers),
      fallback: amount(5...5, using: &numbers), timeToLiveSeconds: numbers.number(1...600),
      model: model(using: &numbers), isUnpriced: numbers.once(in: 6),
      refusesUnpriced: refusesUnpriced,
      turn: numbers.once(in: 2) ? nil : CallRequest.Turn(isAnswerable: numbers.once(in: 2)))
  }

  private func usage(using numbers: inout SeededNumbers) -> CallUsage {
    var usage = CallUsage(id: step("u", 40, &numbers))
    if numbers.once(in: 2) { usage.call = step("c", 30, &numbers) }
    usage.tokens = tokens(using: &numbers)
    if numbers.once(in: 2) { usage.model = model(using: &numbers) }
    if numbers.once(in: 2) { usage.cost = amount(0...30, using: &numbers) }
    if !numbers.once(in: 4) { usage.price = Self.price }
    if numbers.once(in: 6) { usage.agent = step("a", 2, &numbers) }
    usage.isLost = numbers.once(in: 5)
    return usage
  }

  private func tokens(using numbers: inout SeededNumbers) -> TokenUsage? {
    let input = numbers.number(0...4)
    switch Int.random(in: 0..<4, using: &numbers) {
    case 0: return nil
    case 1: return TokenCount(input).map { TokenUsage(total: $0) }
    default:
      return try? TokenUsage(
        input: TokenCount(input), output: TokenCount(numbers.number(0...4)),
        cacheRead: numbers.once(in: 2) ? nil : TokenCount(numbers.number(0...input)))
    }
  }

  /// The end of a turn's call that is under way, or of one that is not.
  private func endOfCall(
    _ address: SessionAddress, _ naive: NaiveSessions, using numbers: inout SeededNumbers
  ) -> SessionCommand {
    let calls = naive.place(of: address.id).map { naive.sessions[$0].calls } ?? []
    let call = calls.isEmpty ? step("c", 30, &numbers) : numbers.element(of: calls).id
    var outcome = CallOutcome(call: call, turn: 1, end: numbers.element(of: CallEnd.allCases))
    if !numbers.once(in: 3) { outcome.usage = usage(using: &numbers) }
    if numbers.once(in: 2) {
      outcome.message = (id: System.randomEntry(), text: text(using: &numbers))
    }
    if numbers.once(in: 4) {
      outcome.error = (error: SessionError(kind: mark("e")), text: text(using: &numbers))
    }
    outcome.isAborted = numbers.once(in: 5)
    return .endCall(address, outcome)
  }

  private func answer(
    _ address: SessionAddress, using numbers: inout SeededNumbers
  ) -> SessionCommand {
    let known = questions.suffix(4)
    let request =
      known.isEmpty || numbers.once(in: 8)
      ? System.randomEntry() : numbers.element(of: Array(known))
    let amount = amount(1...60, using: &numbers)
    return .answer(
      address, request: request.description,
      numbers.element(of: [.add(amount), .set(amount), .unset, .cancel]))
  }

  private func update(using numbers: inout SeededNumbers) -> CapUpdate {
    switch Int.random(in: 0..<6, using: &numbers) {
    case 0: .keep
    case 1: .remove
    default: .set(amount(1...100, using: &numbers))
    }
  }

  /// Nothing as a rule, or a text of one piece or many.
  private func text(using numbers: inout SeededNumbers) -> [UInt8] {
    let count = numbers.element(of: [0, 0, 1, 20, 300, 15_992, 15_993, 40_000])
    let letter = UInt8(ascii: "a") + UInt8(numbers.number(0...25))
    return [UInt8](repeating: letter, count: count)
  }
}

extension RandomSessionCommands {
  private func id(using numbers: inout SeededNumbers) -> SessionID {
    must { try SessionID("s\(numbers.number(0...5))") }
  }

  private func budget(using numbers: inout SeededNumbers) -> BudgetID {
    must { try BudgetID("b\(numbers.number(0...1))") }
  }

  private func model(using numbers: inout SeededNumbers) -> ModelName {
    must { try ModelName("m\(numbers.number(0...2))") }
  }

  private func step(_ letter: String, _ count: Int64, _ numbers: inout SeededNumbers) -> StepID {
    must { try StepID(letter + String(numbers.number(0...count))) }
  }

  private func mark(_ text: String) -> CallMark { must { try CallMark(text) } }

  private func amount(
    _ range: ClosedRange<Int64>, using numbers: inout SeededNumbers
  ) -> NanoCredits {
    NanoCredits(numbers.number(range)) ?? .zero
  }

  private func must<Value>(_ make: () throws -> Value) -> Value {
    do { return try make() } catch { preconditionFailure("a name is refused: \(error)") }
  }
}
