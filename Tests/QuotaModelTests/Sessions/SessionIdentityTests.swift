import QuotaModel
import TestSupport
import Testing

@Suite struct `A session's id` {
  @Test(arguments: [
    "a", "Z", "0", "s1", "a.b_c-d", "A" + String(repeating: "-", count: 127),
    "0198c0de-0000-7000-8000-000000000001",
  ])
  func `is a letter or digit and up to 127 more`(text: String) throws {
    #expect(try SessionID(text).description == text)
    #expect(try BudgetID(text).description == text)
  }

  @Test(arguments: [
    "", ".a", "_a", "-a", " a", "a b", "a/b", "a\n", "ä", "aä", "e\u{301}", "a\u{0}",
    "A" + String(repeating: "x", count: 128), "a:b", "a%20", "..",
  ])
  func `is nothing else`(text: String) {
    #expect(throws: TextRule.self) { try SessionID(text) }
    #expect(throws: TextRule.self) { try BudgetID(text) }
  }
}

@Suite struct `An id that the service makes` {
  @Test func `is a UUID of version 4 whatever was drawn`() {
    var numbers = SeededNumbers()
    let drawn = (0..<1000).map { _ in (numbers.next(), numbers.next()) }
    for (high, low) in drawn + [(0, 0), (.max, .max)] {
      let id = EntryID(random: high, low)
      let text = Array(id.description)
      #expect(text.count == 36 && text[14] == "4" && "89ab".contains(text[19]), "\(id)")
      #expect(EntryID(text: id.description) == id)
    }
  }

  @Test(arguments: [
    "", "0198C0DE-0000-4000-8000-000000000001", "0198c0de-0000-7000-8000-000000000001",
    "0198c0de-0000-4000-c000-000000000001", "0198c0de000040008000000000000001",
    "{0198c0de-0000-4000-8000-00000000001}", "0198c0de-0000-4000-8000-00000000000g",
  ])
  func `is read in its canonical spelling only`(text: String) {
    #expect(EntryID(text: text) == nil)
  }
}

@Suite struct `The ids of a session's events` {
  @Test func `are all different, wherever the events lie`() {
    var numbers = SeededNumbers()
    let near = (0..<20_000).map(UInt64.init)
    let far = (0..<20_000).map { _ in
      (numbers.next() >> 2) >> UInt64.random(in: 0..<40, using: &numbers)
    }
    let positions = Set(near + far + (0..<62).map { 1 << $0 })
    let session = SessionSketch().session
    let ids = positions.flatMap { position in
      (0...3 as ClosedRange<UInt8>).map { index in
        session.eventID(at: SessionEventPlace(position: Position(position), index: index))
      }
    }
    #expect(Set(ids).count == positions.count * 4, "seed \(numbers.seed)")
  }

  @Test func `are UUIDs of version 4 that stay the same`() {
    let session = SessionSketch().session
    let place = SessionEventPlace(position: Position(4711), index: 2)
    let id = session.eventID(at: place)
    #expect(EntryID(text: id.description) == id)
    #expect(SessionSketch().session.eventID(at: place) == id)
  }

  @Test func `keep their place in one number`() {
    for position in [0, 1, 17, 1 << 61] as [UInt64] {
      for index in 0...3 as ClosedRange<UInt8> {
        let place = SessionEventPlace(position: Position(position), index: index)
        #expect(SessionEventPlace(number: place.number) == place)
      }
    }
  }
}
