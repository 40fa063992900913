import LedgerSimulation
import QuotaModel
import QuotaService
import Testing

@Suite struct `Parallel calls under caps` {
  /// A call that was let in, with what it will cost.
  struct Call {
    let id: StepID
    let session: SessionID
    let reservation: Int64
    let cost: Int64
  }

  /// How much over its cap a budget may be since the last call was let in (contract 8.1).
  struct Bound {
    var used: Int64 = 0
    var allowed: Int64 = 0
  }

  private static let cap: Int64 = 200
  private static let sharedCap: Int64 = 500

  @Test(arguments: 0..<8 as Range<UInt64>, [false, true])
  func `overshoot by less than the last call let in and what others underestimated`(
    number: UInt64, areBoundsTrue: Bool
  ) throws {
    var numbers = SeededNumbers(seed: SeededNumbers().seed + number)
    let seed = numbers.seed
    let open = try OpenSession(limit: Self.cap, budget: Self.sharedCap)
    let ids = try (1...4).map { try SessionID("s\($0)") }
    for id in ids.dropFirst() {
      try open.start(id, limit: Self.cap, budget: try BudgetID("b1"))
    }
    var running: [Call] = []
    var bounds: [SessionID?: Bound] = [:]
    for step in 0..<400 {
      if numbers.once(in: 2) {
        let cost = numbers.number(1...40)
        let session = numbers.element(of: ids)
        let estimate = areBoundsTrue ? cost + numbers.number(0...10) : numbers.number(0...40)
        let call = Call(
          id: try StepID("c\(step)"), session: session, reservation: max(1, estimate), cost: cost)
        let request = try CallRequest.outside("c\(step)", estimate: estimate)
        let address = SessionAddress(session, as: .everybody)
        let answer = try open.execute(.admit(address, request))
        guard case .admitted = answer.result else { continue }
        for place in [session, nil] as [SessionID?] {
          let others = running.filter { place == nil || $0.session == place }
          bounds[place, default: Bound()].allowed =
            cost + others.reduce(0) { $0 + max(0, $1.cost - $1.reservation) }
        }
        running.append(call)
      } else if let index = running.indices.randomElement(using: &numbers) {
        let call = running.remove(at: index)
        var usage = CallUsage(id: call.id, call: call.id)
        usage.cost = .of(call.cost)
        let address = SessionAddress(call.session, as: .everybody)
        let used = try open.execute(.recordUsage(address, usage)).session?.used.rawValue
        bounds[call.session]?.used = used ?? .max
        bounds[nil]?.used += call.cost
        let own = try #require(bounds[call.session])
        let shared = try #require(bounds[nil])
        #expect(own.used - Self.cap < own.allowed, "seed \(seed)")
        #expect(shared.used - Self.sharedCap < shared.allowed, "seed \(seed)")
        if areBoundsTrue { #expect(shared.used - Self.sharedCap < 40, "seed \(seed)") }
      }
    }
    let budget = try Queries(open.open.store).budget(try BudgetID("b1"))
    #expect(budget?.used.rawValue == bounds[nil]?.used)
    #expect(bounds[nil].map { $0.used >= Self.sharedCap } == true, "nothing was put to the test")
  }
}
