import Foundation
import HTTPServer
import LedgerSimulation
import QuotaModel
import QuotaService
import Sessions
import Testing

@testable import QuotaAPI

@Suite struct `A stream of a session's events` {
  let api: APIWithoutSocket
  let ref: SessionRef

  init() throws {
    api = try APIWithoutSocket()
    guard
      case .session(let answer) = try api.execute(.session(.start(.named("s1", limit: "3"))))
    else { throw CommandFailure.unknownSession }
    ref = answer.session.ref
  }

  /// Whatever happens while clients attach, read slowly, go and come again.
  @Test(arguments: (0..<10).map { _ in SeededNumbers().seed })
  func `has every kept event once, in order, and none that was heard is told again`(
    seed: UInt64
  ) throws {
    var numbers = SeededNumbers(seed: seed)
    var listeners: [Listener] = []
    for step in 0..<150 {
      switch Int.random(in: 0..<10, using: &numbers) {
      case 0..<3: try happen(step, &numbers)
      case 3..<5: api.deliver()
      case 5 where listeners.count < 6: listeners.append(try Listener(ref, api.hub))
      case 6:
        if let listener = listeners.randomElement(using: &numbers) { try listener.comeAgain() }
      case 7:
        // History is read at one moment and told at another: much may happen between the two.
        listeners.randomElement(using: &numbers)?.read(butNotTold: true)
      default:
        let room = numbers.element(of: [0, 2, 5, 40, .max])
        try listeners.randomElement(using: &numbers)?.proceed(room: room)
      }
    }
    api.deliver()
    let history = try api.hub.wholeHistory(of: ref).map(\.id.description)
    let all = try Listener(ref, api.hub)
    try all.proceed(room: .max)
    for listener in listeners {
      try listener.proceed(room: .max)
      #expect(listener.kept == history, "seed \(seed)")
      #expect(listener.shown.sorted() == all.shown.sorted(), "seed \(seed)")
      #expect(Set(listener.questions) == Set(all.questions), "seed \(seed)")
      #expect(!listener.wasAskedTwice, "seed \(seed)")
    }
  }

  @Test func `tells the open question to everybody who comes`() throws {
    try exhaust()
    let first = try Listener(ref, api.hub)
    try first.proceed(room: .max)
    #expect(first.questions.count == 1)
    try first.comeAgain()
    try first.proceed(room: .max)
    #expect(first.questions.count == 2)
    try api.execute(.session(.setLimit(.named("s1"), .remove, change: nil)))
    try first.comeAgain()
    try first.proceed(room: .max)
    #expect(first.questions.count == 2)
  }

  @Test func `tells a question that a process before this one asked`() throws {
    try exhaust()
    let listener = try Listener(ref, SessionHub(api.hub.queries))
    try listener.proceed(room: .max)
    #expect(listener.questions.count == 1)
  }

  @Test func `leaves out what is not kept, but no question, if asked`() throws {
    let listener = try Listener(ref, api.hub, query: "include_ephemeral=false")
    try listener.proceed(room: .max)
    try exhaust()
    try listener.proceed(room: .max)
    #expect(listener.questions.count == 1)
    #expect(listener.shown.isEmpty)
  }

  @Test func `counts as interest while it is open`() throws {
    var lost: [SessionRef] = []
    api.hub.onInterestLost = { lost.append($0) }
    let query = "interest=session_limits_exhausted.requested"
    let listener = try Listener(ref, api.hub, query: query)
    #expect(api.hub.hasInterest(ref))
    listener.stream.close()
    #expect(!api.hub.hasInterest(ref) && lost == [ref])
    _ = try Listener(ref, api.hub, query: "interest=session.start")
    #expect(!api.hub.hasInterest(ref))
  }

  @Test func `hears nothing when it is closed`() throws {
    let listener = try Listener(ref, api.hub)
    try listener.proceed(room: .max)
    listener.stream.close()
    try exhaust()
    #expect(listener.kept.count == 2)
    #expect(!api.hub.hasSubscribers(ref))
  }

  private func exhaust() throws {
    try api.execute(.session(.recordUsage(.named("s1"), .of("4", id: "u"))))
    try api.execute(.session(.admit(.named("s1"), .named("c"))))
  }

  private func happen(_ step: Int, _ numbers: inout SeededNumbers) throws {
    let address = try SessionAddress.named("s1")
    let session = try #require(try api.hub.queries.session(ref))
    let command: SessionCommand
    switch Int.random(in: 0..<6, using: &numbers) {
    case 0: command = .setLimit(address, .set(try .credits("\(step + 1)")), change: nil)
    case 1: command = .resume(address, SessionResumption())
    case 2: command = .admit(address, try .named("c\(step)"))
    case 3: command = .abort(address)
    case 4:
      guard let request = session.request else { return }
      command = .answer(address, request: request.id.description, .add(try .credits("1")))
    default: command = .recordUsage(address, try .of("1.5", id: "u\(step)"))
    }
    try api.execute(.session(command), delivers: false)
  }
}

/// A client of a stream, which may go and come again.
private final class Listener {
  private(set) var stream: SessionStream
  /// Ids of events that are kept.
  private(set) var kept: [String] = []
  /// Ids of the others, but for questions.
  private(set) var shown: [String] = []
  /// Questions, by their own ids.
  private(set) var questions: [String] = []
  /// Whether the same question was told twice without a new connection between.
  private(set) var wasAskedTwice = false
  private var sinceComing: Set<String> = []
  private let ref: SessionRef
  private let hub: SessionHub
  private let query: String
  private let inbox: Inbox
  private var lastID: String?

  /// What a stream sends, and what it has asked for.
  private final class Inbox {
    var bytes: [UInt8] = []
    /// Pieces that the client takes.
    var room = 0
    private var asked: (read: () -> HistoryPiece, complete: (HistoryPiece) -> Void)?
    private var found: HistoryPiece?

    var outlet: SessionStream.Outlet {
      SessionStream.Outlet(
        send: { [unowned self] in bytes += $0 },
        hasRoom: { [unowned self] in
          room -= 1
          return room >= 0
        }, awaitRoom: {}, ask: { [unowned self] in asked = ($0, $1) }, end: {})
    }

    func read() { if found == nil { found = asked?.read() } }

    /// Tells the stream what it has asked for; false where it has asked for nothing.
    func tell() -> Bool {
      read()
      guard let (_, complete) = asked.take(), let found = found.take() else { return false }
      complete(found)
      return true
    }

    func forget() { (asked, found) = (nil, nil) }
  }

  init(_ ref: SessionRef, _ hub: SessionHub, query: String = "") throws {
    self.ref = ref
    self.hub = hub
    self.query = query
    let inbox = Inbox()
    self.inbox = inbox
    let question = try SessionEventQuery(.asking(query, lastEventID: nil))
    stream = SessionStream(ref, question, hub, inbox.outlet)
  }

  deinit { stream.close() }

  /// Takes so many pieces of the history.
  func proceed(room: Int) throws {
    inbox.room = room
    stream.proceed()
    while inbox.tell() {}
    read()
  }

  /// Begins to read history, for which there is room, and does not tell the stream yet.
  func read(butNotTold: Bool) {
    inbox.room = 1
    stream.proceed()
    inbox.read()
  }

  func comeAgain() throws {
    read()
    stream.close()
    inbox.forget()
    sinceComing = []
    let question = try SessionEventQuery(.asking(query, lastEventID: lastID))
    stream = SessionStream(ref, question, hub, inbox.outlet)
  }

  private func read() {
    let text = String(decoding: inbox.bytes, as: UTF8.self)
    inbox.bytes = []
    for event in text.split(separator: "\n\n") where event.hasPrefix("id: ") {
      let lines = event.split(separator: "\n")
      lastID = String(lines[0].dropFirst(4))
      take(String(lines[2].dropFirst(6)))
    }
  }

  private func take(_ data: String) {
    let json = try? JSONSerialization.jsonObject(with: Data(data.utf8)) as? [String: Any]
    let id = json?["id"] as? String ?? ""
    if json?["ephemeral"] == nil { return kept.append(id) }
    guard json?["type"] as? String == SessionHub.requestedType else { return shown.append(id) }
    let data = json?["data"] as? [String: Any]
    let question = data?["requestId"] as? String ?? ""
    questions.append(question)
    if !sinceComing.insert(question).inserted { wasAskedTwice = true }
  }
}

extension HTTPRequest {
  fileprivate static func asking(_ query: String, lastEventID: String?) -> HTTPRequest {
    HTTPRequest(
      method: .get, methodText: "GET", path: "/", query: query,
      headers: HTTPHeaders(lastEventID.map { [("last-event-id", $0)] } ?? []), body: [])
  }
}
