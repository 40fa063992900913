import EventLog
import QuotaModel
import TestSupport
import Testing

@Suite struct `A scan` {
  @Test func `shows every record behind any position, in order`() throws {
    let sketch = try TestLog(segmentsOf: [1, 50, 3, 100, 2], seed: 1)
    let log = try sketch.open()
    let all = try log.events()
    #expect(all.map(\.position.rawValue) == Array(1...156))
    for start in 0...156 {
      let shown = try log.events(after: Position(UInt64(start)))
      try #require(shown == Array(all.dropFirst(start)), "from \(start)")
    }
  }

  @Test(arguments: [156, 157, 1000, UInt64(Int64.max)]) func `shows nothing behind the head`(
    position: UInt64
  ) throws {
    let log = try TestLog(segmentsOf: [156]).open()
    #expect(try log.events(after: Position(position)) == [])
  }

  @Test func `shows nothing of an empty log`() throws {
    #expect(try TestLog().open().events() == [])
  }

  @Test func `ends where it is told to`() throws {
    let log = try TestLog(segmentsOf: [100]).open()
    for wanted in [1, 2, 60] {
      var shown: [UInt64] = []
      try log.scan(after: Position(20)) { record in
        shown.append(record.position.rawValue)
        return shown.count == wanted ? .stop : .proceed
      }
      #expect(shown == (0..<wanted).map { 21 + UInt64($0) })
    }
  }

  @Test func `goes on over more chunks than one read transaction covers`() throws {
    let sketch = try TestLog()
    let log = try sketch.open()
    let reason = String(repeating: "x", count: 1000)
    var appends: [Event] = []
    for position in 1...13_000 as ClosedRange<UInt64> {
      appends.append(
        EventExamples.event(
          position, .userDeactivated(EventExamples.ada), requestID: "r", reason: reason))
    }
    try log.appendAtHead(appends)
    var count: UInt64 = 0
    try log.scan(after: .zero) { record in
      count += 1
      return record.position.rawValue == count ? .proceed : .stop
    }
    #expect(count == 13_000)
  }

  @Test func `beside a writer sees what was there and may see more`() throws {
    let log = try TestLog(segmentsOf: [10]).open()
    let more = EventExamples.event(
      11, .userDeactivated(EventExamples.ada), recordedAt: 1_800_000_000_000_000)
    var count = 0
    var failure: (any Error)?
    try log.scan(after: .zero) { _ in
      if count == 0 { do { try log.appendAtHead([more]) } catch { failure = error } }
      count += 1
      return .proceed
    }
    #expect(failure == nil)
    #expect(count >= 10)
    #expect(try log.events().count == 11)
  }
}

@Suite struct `A read` {
  @Test(arguments: [0, 1, 100, 500, 4000, 20_000, 1 << 30])
  func `gives the whole log in steps of at most so many bytes`(limit: Int) throws {
    let log = try TestLog(segmentsOf: [1, 50, 3, 100], seed: 2).open()
    var position = Position.zero
    var events: [Event] = []
    while let segment = try log.read(after: position, maximumByteCount: limit).first {
      #expect(segment.firstPosition == position.next)
      #expect(segment.records.count <= limit || segment.count == 1)
      let found = try Self.events(of: segment)
      #expect(found.count == segment.count)
      events += found
      position = position.advanced(by: segment.count)
    }
    #expect(try events == log.events())
  }

  @Test func `takes as many records as fit`() throws {
    let log = try TestLog().open()
    let events = (1...10).map { EventExamples.event($0, .userDeactivated(EventExamples.ada)) }
    try log.appendAtHead(events)
    let record = encoded(events[0]).count
    let segment = try #require(
      log.read(after: Position(2), maximumByteCount: 3 * record).first)
    #expect(segment.count == 3)
    #expect(segment.records == encoded(events[2]) + encoded(events[3]) + encoded(events[4]))
  }

  @Test func `finds one event by its position`() throws {
    let log = try TestLog(segmentsOf: [40, 40]).open()
    let all = try log.events()
    for event in all { try #require(try log.event(at: event.position) == event) }
    #expect(try log.event(at: .zero) == nil)
    #expect(try log.event(at: Position(81)) == nil)
  }

  private static func events(of segment: Segment) throws -> [Event] {
    var events: [Event] = []
    var rest = segment.records
    while !rest.isEmpty {
      let length = Int(rest[0]) | Int(rest[1]) << 8
      events.append(try decoded(Array(rest.prefix(length))))
      rest.removeFirst(length)
    }
    return events
  }
}
