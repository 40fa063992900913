import QuotaModel
import Testing

@testable import Webhooks

@Suite struct `A webhook's progress` {
  var progress = DeliveryProgress(behind: Position(10))
  let start = ContinuousClock.now
  let moment = Moment(microseconds: 1)

  mutating func `rests`(at now: ContinuousClock.Instant) -> Bool {
    progress.step(head: Position(100), at: now) == .rest
  }

  @Test func `searches behind its position, up to the head`() {
    #expect(progress.step(head: Position(11), at: start) == .search(after: Position(10)))
    #expect(progress.step(head: Position(10), at: start) == .rest)
  }

  @Test mutating func `passes over what is of no interest`() {
    progress.take([], upTo: Position(60))
    #expect(progress.position == Position(60))
    #expect(progress.step(head: Position(61), at: start) == .search(after: Position(60)))
    #expect(progress.lastTaken == nil)
  }

  @Test mutating func `moves only when an event was taken`() {
    progress.take([event(20), event(30)], upTo: Position(40))
    #expect(progress.position == Position(10))
    attempt(.failed("no"))
    #expect(progress.position == Position(10))
    attempt(.taken)
    #expect(progress.position == Position(20))
    attempt(.taken)
    // Behind the last of a page everything up to the end of the search is of no interest.
    #expect(progress.position == Position(40))
    #expect(progress.lastTaken == Position(30))
  }

  @Test mutating func `sends one event at a time, in order`() {
    progress.take([event(20), event(30)], upTo: Position(40))
    #expect(progress.step(head: Position(40), at: start) == .send(event(20)))
    progress.beginAttempt(at: moment)
    #expect(rests(at: start))
    progress.end(.taken, at: start, random: 0)
    #expect(progress.step(head: Position(40), at: start) == .send(event(30)))
  }

  @Test mutating func `sends the same event again after the wait`() {
    progress.take([event(20), event(30)], upTo: Position(40))
    attempt(.failed("no", askedSeconds: 7))
    #expect(progress.failureCount == 1 && progress.lastError == "no")
    #expect(rests(at: start + .milliseconds(6999)))
    let later = start + .seconds(7)
    #expect(progress.step(head: Position(40), at: later) == .send(event(20)))
  }

  @Test mutating func `waits longer with each failure, until a success`() {
    progress.take([event(20), event(30)], upTo: Position(40))
    for _ in 0..<3 { attempt(.failed("no")) }
    #expect(rests(at: start + .milliseconds(1999)))
    #expect(!rests(at: start + .milliseconds(2000)))
    attempt(.taken)
    #expect(progress.failureCount == 0 && progress.lastError == nil)
    attempt(.failed("no"))
    #expect(!rests(at: start + .milliseconds(500)))
  }

  @Test mutating func `ends with 410`() {
    progress.take([event(20)], upTo: Position(40))
    attempt(.gone)
    #expect(progress.isGone && rests(at: start + .seconds(86_400)))
    #expect(progress.position == Position(10))
  }

  @Test mutating func `forgets failed searches with the first that succeeds`() {
    progress.end(.failed("no log"), at: start, random: 0)
    #expect(rests(at: start) && progress.failureCount == 1)
    progress.take([], upTo: Position(40))
    #expect(!rests(at: start) && progress.failureCount == 0 && progress.lastError == nil)
  }

  private mutating func attempt(_ outcome: DeliveryOutcome) {
    progress.beginAttempt(at: moment)
    progress.end(outcome, at: start, random: 0)
  }

  private func event(_ position: UInt64) -> Event {
    Event(
      position: Position(position), recordedAt: moment, happenedAt: moment, actor: .service,
      fact: .calendarChanged(CalendarSetting(zone: "UTC", weekStart: .monday)))
  }
}

@Suite struct `A receiver's answer` {
  @Test(arguments: [200, 201, 202, 204, 299])
  func `from 200 to 299 takes the event`(status: Int) {
    #expect(DeliveryOutcome(status: status, headers: []) == .taken)
  }

  @Test(arguments: [301, 302, 307, 308, 400, 401, 404, 408, 409, 429, 500, 503, 999, 0])
  func `of any other kind does not`(status: Int) {
    let outcome = DeliveryOutcome(status: status, headers: [(name: "retry-after", value: "x")])
    guard case .failed(let text, askedSeconds: nil) = outcome else {
      Issue.record("\(outcome)")
      return
    }
    #expect(text.contains("\(status)"))
  }

  @Test func `says how long to wait`() {
    let outcome = DeliveryOutcome(
      status: 503, headers: [(name: "date", value: "9"), (name: "retry-after", value: "30")])
    #expect(outcome == .failed("The receiver answered 503.", askedSeconds: 30))
  }

  @Test func `ends it with 410`() { #expect(DeliveryOutcome(status: 410, headers: []) == .gone) }
}
