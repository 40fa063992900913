import LedgerSimulation
import Testing

@testable import QuotaService

@Suite struct `A queue of questions` {
  /// Random askers on a few threads, of whom one asks for much.
  @Test(arguments: (0..<20).map { _ in SeededNumbers().seed })
  func `answers everybody's in order, one at a time, and lets nobody wait for somebody's second`(
    seed: UInt64
  ) throws {
    var numbers = SeededNumbers(seed: seed)
    var queue = FairQueue<Int, Int>(capacity: 1000)
    var asked: [Int: [Int]] = [:]
    var answered: [Int: [Int]] = [:]
    var underWay: [Int] = []
    for number in 0..<400 {
      if Bool.random(using: &numbers) || number < 50 {
        let person = number < 50 ? 0 : Int.random(in: 0..<5, using: &numbers)
        let isTaken = queue.add(number, for: person) != .isRefused
        #expect(isTaken)
        asked[person, default: []].append(number)
      } else if underWay.count < 3, let (work, person) = queue.take() {
        #expect(!underWay.contains(person), "seed \(seed)")
        answered[person, default: []].append(work)
        underWay.append(person)
      } else if let index = underWay.indices.randomElement(using: &numbers) {
        queue.end(underWay.remove(at: index))
      }
    }
    for person in underWay { queue.end(person) }
    while let (work, person) = queue.take() {
      answered[person, default: []].append(work)
      queue.end(person)
    }
    #expect(answered == asked, "seed \(seed)")
  }

  @Test func `takes turns`() {
    var queue = FairQueue<String, Int>(capacity: 10)
    for number in 0..<5 { _ = queue.add(number, for: "a") }
    _ = queue.add(9, for: "b")
    var order: [String] = []
    while let (_, person) = queue.take() {
      order.append(person)
      queue.end(person)
    }
    #expect(order == ["a", "b", "a", "a", "a", "a"])
  }

  @Test func `refuses somebody who asks for too much, and nobody else`() {
    var queue = FairQueue<String, Int>(capacity: 2)
    let taken = [
      queue.add(1, for: "a"), queue.add(2, for: "a"), queue.add(3, for: "a"),
      queue.add(3, for: "a", isPatient: true), queue.add(1, for: "b"),
    ]
    #expect(taken == [.isDue, .waits, .isRefused, .waits, .isDue])
  }

  @Test func `says whether somebody may begin`() {
    var queue = FairQueue<String, Int>(capacity: 2)
    #expect(queue.add(1, for: "a") == .isDue)
    _ = queue.take()
    #expect(queue.add(2, for: "a") == .waits, "one is under way")
    queue.end("a")
    #expect(queue.add(3, for: "a") == .waits, "another one comes first")
    for _ in 2...3 {
      #expect(queue.take() != nil)
      queue.end("a")
    }
    #expect(queue.add(4, for: "a") == .isDue)
  }
}
