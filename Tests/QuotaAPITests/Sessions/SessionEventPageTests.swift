import Foundation
import HTTPServer
import QuotaModel
import QuotaService
import Sessions
import Testing

@testable import QuotaAPI

@Suite struct `A page of a session's events` {
  let api: APIWithoutSocket

  init() throws {
    api = try APIWithoutSocket()
    try api.execute(.session(.start(.named("s1", limit: "2.5"))))
    for number in 1...6 {
      let usage = try CallUsage.of("1", id: "u\(number)")
      try api.execute(.session(.recordUsage(.named("s1"), usage)))
    }
    try api.execute(.session(.admit(.named("s1"), .named("c1"))))
    try api.execute(.session(.start(.named("other"))))
  }

  struct Page: Decodable {
    struct Event: Decodable, Hashable {
      let id: String
      let type: String
      let ephemeral: Bool?
    }

    let events: [Event]
    let cursor: String
    let hasMore: Bool
  }

  @Test func `has the events that are kept, first to last`() throws {
    let types = try page("").events.map(\.type)
    #expect(
      types == ["session.start", "session.session_limits_changed"]
        + Array(repeating: "session.usage_checkpoint", count: 6))
  }

  @Test func `has those that are not kept in their places if asked`() throws {
    let types = try page("include_ephemeral=true").events.map(\.type)
    #expect(types.filter { $0 == "assistant.usage" }.count == 6)
    #expect(types[2...3] == ["assistant.usage", "session.usage_checkpoint"])
    #expect(types.last == "session_limits_exhausted.requested")
  }

  @Test func `has what was shown behind the kept event that it came behind`() throws {
    let session = try #require(try api.hub.queries.session(.named("other")))
    api.hub.show("session.idle", in: session) { _ in }
    let answer = api.ask(
      .get, "/v1/sessions/other/events?include_ephemeral=true", as: .auditor)
    let events = try JSONDecoder.ofSnakeCase.decode(Page.self, from: Data(answer.body.utf8)).events
    #expect(events.map(\.type) == ["session.start", "session.idle"])
  }

  @Test(arguments: [1, 2, 3, 7, 14, 15, 1000], ["", "include_ephemeral=true", "types=abort"])
  func `of any length is a part of the whole`(length: Int, query: String) throws {
    let whole = try page(query).events
    var found: [Page.Event] = []
    var after = "0"
    while true {
      let page = try page("limit=\(length)&after=\(after)&\(query)")
      #expect(page.events.count <= length)
      found += page.events
      after = page.cursor
      if !page.hasMore { break }
      try #require(page.events.count == length, "a page ends early")
    }
    #expect(found == whole)
    #expect(try page("after=\(after)&include_ephemeral=true").events.isEmpty)
  }

  /// Clients are told of no beginning of a window, and of no end of a call.
  @Test func `is found among many events that are never shown, a step at a time`() throws {
    let count = 7000
    api.execute(all: Array(repeating: .session(.clear(try .named("s1"))), count: count))
    try api.execute(.session(.abort(.named("s1"))))
    let before = try page("").events.map(\.type)
    var found: [String] = []
    var after = "0"
    var pages = 0
    while true {
      let page = try page("limit=500&after=\(after)")
      pages += 1
      found += page.events.map(\.type)
      try #require(page.cursor != after && pages < 20)
      after = page.cursor
      if !page.hasMore { break }
    }
    #expect(before.last != "abort", "so many are more than one answer looks at")
    #expect(pages > 2)
    #expect(found.last == "abort" && found.count == 9)
    var types = 0
    var query = EventQuery()
    query.types = ["abort"]
    let session = try #require(try api.hub.queries.session(.named("s1")))
    while true {
      let page = try api.hub.page(of: session.ref, query)
      types += page.events.count
      if !page.hasMore { break }
      query.cursor = page.cursor
    }
    #expect(types == 1)
  }

  @Test(arguments: ["session.start", "session.start,abort", "abort, session.start"])
  func `has the types that are asked for`(types: String) throws {
    let query = try #require(types.addingPercentEncoding(withAllowedCharacters: .alphanumerics))
    #expect(try page("types=\(query)").events.map(\.type) == ["session.start"])
  }

  @Test func `goes on where another process ended, with what is kept`() throws {
    let first = try page("limit=3")
    let parts = first.cursor.split(separator: "-")
    let foreign = "\(parts[0])-1234-ffff"
    let rest = try page("after=\(foreign)&include_ephemeral=true").events
    let whole = try page("").events
    #expect(rest.filter { $0.ephemeral == nil } == Array(whole.dropFirst(3)))
    #expect(rest.filter { $0.ephemeral == true }.count == 7)
  }

  @Test(arguments: [
    "after=x", "after=", "after=1", "after=0-0", "after=0-0-0-0", "after=-0-0", "after=00-0-g",
    "after=10-0-A", "after=3-0-0", "after=ffffffffffffffff-0-0", "after=10000000000000000-0-0",
    "after=0x10-0-0", "limit=0", "limit=1001", "limit=x", "include_ephemeral=yes",
    "include_ephemeral=true&includeEphemeral=false",
  ])
  func `is refused for a bad question`(query: String) {
    let answer = api.ask(.get, "/v1/sessions/s1/events?\(query)", as: .auditor)
    #expect(answer.status == 400)
    #expect(answer.body.hasPrefix(#"{"error":{"code":"invalid","message":""#))
  }

  @Test(arguments: ["1-0-a", "3-9-0", "2-18446744073709551615-zz", "18446744073709551615-0-0"])
  func `is read by an SDK with any cursor`(cursor: String) throws {
    let session = try #require(try api.hub.queries.session(.named("s1")))
    var query = EventQuery()
    query.cursor = cursor
    let page = try api.hub.page(of: session.ref, query)
    #expect(page.isExpired == !cursor.hasPrefix("18"))
  }

  private func page(_ query: String) throws -> Page {
    let answer = api.ask(.get, "/v1/sessions/s1/events?\(query)", as: .auditor)
    try #require(answer.status == 200, "\(answer)")
    return try JSONDecoder.ofSnakeCase.decode(Page.self, from: Data(answer.body.utf8))
  }
}

@Suite struct `A cursor` {
  @Test(arguments: [nil, 4, 5, 0x10, UInt64.max - 3] as [UInt64?], [0, 1, UInt64.max])
  func `is read as it was written`(place: UInt64?, number: UInt64) {
    let cursor = SessionCursor(
      place: place.map { SessionEventPlace(number: $0) }, epoch: ~number, serial: number)
    #expect(SessionCursor(cursor.text) == cursor)
  }
}
