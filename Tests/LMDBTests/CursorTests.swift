import LMDB
import TestSupport
import Testing

@Suite struct `A cursor` {
  let directory = TemporaryDirectory()
  let environment: Environment

  init() throws {
    environment = try directory.environment(tables: ["words", "empty"])
    for (key, value) in [("b", "2"), ("d", "4"), ("f", "6")] {
      try environment.store(value, under: key)
    }
  }

  @Test func `finds nothing in an empty table`() throws {
    let transaction = try environment.beginRead()
    var cursor = try transaction.cursor(in: environment.table("empty"))
    #expect(try cursor.first()?.text == nil)
    #expect(try cursor.last()?.text == nil)
    #expect(try cursor.next()?.text == nil)
    #expect(try cursor.previous()?.text == nil)
    #expect(try cursor.seek("a")?.text == nil)
  }

  @Test func `finds the first and the last entry`() throws {
    let transaction = try environment.beginRead()
    var cursor = try transaction.cursor(in: environment.words)
    #expect(try cursor.last()?.text == "f=6")
    #expect(try cursor.first()?.text == "b=2")
  }

  @Test func `starts before the first entry, goes on to the last, and stays behind it`() throws {
    let transaction = try environment.beginRead()
    var cursor = try transaction.cursor(in: environment.words)
    for expected in ["b=2", "d=4", "f=6", nil, nil] {
      #expect(try cursor.next()?.text == expected)
    }
  }

  @Test func `goes back to the first entry and no further`() throws {
    let transaction = try environment.beginRead()
    var cursor = try transaction.cursor(in: environment.words)
    _ = try cursor.last()
    for expected in ["d=4", "b=2", nil] { #expect(try cursor.previous()?.text == expected) }
  }

  @Test(arguments: [
    ("a", "b=2"), ("b", "b=2"), ("ba", "d=4"), ("d", "d=4"), ("e", "f=6"), ("f", "f=6"),
    ("f\0", nil), ("g", nil),
  ])
  func `seeks the first key that is not less`(key: String, expected: String?) throws {
    let transaction = try environment.beginRead()
    var cursor = try transaction.cursor(in: environment.words)
    #expect(try cursor.seek(key)?.text == expected)
  }

  @Test func `goes both ways from where it has sought`() throws {
    let transaction = try environment.beginRead()
    var cursor = try transaction.cursor(in: environment.words)
    _ = try cursor.seek("c")
    #expect(try cursor.previous()?.text == "b=2")
    _ = try cursor.seek("c")
    #expect(try cursor.next()?.text == "f=6")
  }

  @Test func `sees what its write transaction has changed`() throws {
    var transaction = try environment.beginWrite()
    try transaction.put("5", under: "e", in: environment.words)
    _ = try transaction.remove("d", from: environment.words)
    var cursor = try transaction.cursor(in: environment.words)
    #expect(try cursor.seek("c")?.text == "e=5")
  }
}
