import Foundation
import LedgerSimulation
import QuotaModel
import QuotaService
import Testing

@Suite struct `A consumer` {
  let open: OpenLedger
  let owner = ConsumerCaller(user: System.randomUser(), mayChangeAll: false)
  let staff = ConsumerCaller(user: System.randomUser(), mayChangeAll: true)
  let head: Position

  init() throws {
    open = try OpenLedger()
    for _ in 0..<9 { _ = try open.register() }
    head = try Queries(open.store).head()
  }

  @Test func `begins at the end of the log, or where it is told to`() throws {
    let desk = try Desk(open.store)
    let (first, isNew) = try #require(desk.keep("a", by: owner).kept)
    #expect(first.position == head && first.owner == owner.user && isNew)
    let (second, _) = try #require(desk.keep("b", upTo: 3, by: owner).kept)
    #expect(second.position == Position(3))
    #expect(desk.consumers.all.map(\.name.description) == ["a", "b"])
  }

  @Test func `moves on, and back only when that is meant`() throws {
    let desk = try Desk(open.store)
    _ = desk.keep("a", upTo: 3, by: owner)
    #expect(desk.keep("a", upTo: 5, by: owner).kept?.0.position == Position(5))
    #expect(desk.keep("a", upTo: 5, by: owner).kept?.isNew == false)
    #expect(desk.keep("a", by: owner).kept?.0.position == Position(5))
    #expect(desk.keep("a", upTo: 4, by: owner) == .refused(.behind(Position(5))))
    #expect(desk.keep("a", upTo: 4, rewinding: true, by: owner).kept?.0.position == Position(4))
  }

  @Test func `is never ahead of the log`() throws {
    let desk = try Desk(open.store)
    let answer = desk.keep("a", upTo: head.rawValue + 1, rewinding: true, by: staff)
    #expect(answer == .refused(.beyondHead(head)))
    #expect(desk.consumers.all.isEmpty)
  }

  @Test func `is moved and removed by its owner and staff only`() throws {
    let desk = try Desk(open.store)
    let other = ConsumerCaller(user: System.randomUser(), mayChangeAll: false)
    _ = desk.keep("a", upTo: 3, by: owner)
    #expect(desk.keep("a", upTo: 4, by: other) == .refused(.ofAnother))
    #expect(desk.remove("a", by: other) == .refused(.ofAnother))
    #expect(desk.keep("a", upTo: 4, by: staff).kept?.0.owner == owner.user)
    #expect(desk.remove("a", by: owner) == .removed)
    #expect(desk.remove("a", by: owner) == .refused(.unknown))
  }

  @Test func `is one of a thousand at most`() throws {
    let desk = try Desk(open.store)
    for number in 0..<1000 { _ = desk.keep("c\(number)", by: owner) }
    #expect(desk.keep("one-more", by: owner) == .refused(.tooMany(limit: 1000)))
    #expect(desk.keep("c7", upTo: head.rawValue, by: owner).kept != nil)
    #expect(desk.remove("c7", by: owner) == .removed)
    #expect(desk.keep("one-more", by: owner).kept != nil)
  }

  @Test func `is where it was after the process has gone without a word`() throws {
    do {
      let desk = try Desk(open.store)
      _ = desk.keep("a", upTo: 3, by: owner)
      _ = desk.keep("b", upTo: 4, by: staff)
      // What is read here is what a process that was killed at this moment has left behind.
      #expect(try Consumers.stored(in: open.store) == desk.consumers.all)
    }
    let again = try Desk(open.store)
    #expect(again.consumers.all.map(\.position) == [Position(3), Position(4)])
    #expect(again.consumers.all.map(\.owner) == [owner.user, staff.user])
  }

  @Test func `stays as it was while the file cannot be written`() throws {
    let desk = try Desk(open.store)
    _ = desk.keep("a", upTo: 3, by: owner)
    let obstacle = open.path + "/consumers.new"
    try FileManager.default.createDirectory(atPath: obstacle, withIntermediateDirectories: false)
    #expect(desk.keep("a", upTo: 5, by: owner).failure?.remedy == .makeRoom)
    #expect(desk.consumers[try ConsumerName("a")]?.position == Position(3))
    try FileManager.default.removeItem(atPath: obstacle)
    #expect(desk.keep("a", upTo: 4, by: owner).kept?.0.position == Position(4))
  }

  @Test(.enabled(if: SmallDisk.isPermitted, "mounting a small file system takes root"))
  func `says that the disk is full, and goes on when there is room`() throws {
    let disk = try SmallDisk()
    let small = try OpenLedger(at: disk.path + "/store")
    let desk = try Desk(small.store)
    _ = desk.keep("a", by: owner)
    disk.fill()
    #expect(desk.keep("b", by: owner) == .failed(.diskFull))
    #expect(desk.consumers.all.map(\.name.description) == ["a"])
    disk.makeRoom()
    #expect(desk.keep("b", by: owner).kept?.isNew == true)
    #expect(try Consumers.stored(in: small.store).count == 2)
  }

  @Test func `is never behind the end of a log that lost events`() throws {
    _ = try Desk(open.store).keep("a", upTo: 3, by: owner)
    let file = URL(filePath: open.path + "/consumers")
    let text = try String(contentsOf: file, encoding: .utf8).replacing("a 3 ", with: "a 300 ")
    try Data(text.utf8).write(to: file)
    #expect(try Consumers.stored(in: open.store).map(\.position) == [head])
  }

  @Test(arguments: [
    "", "x", "quotalog-consumers 2\nlog LOG\n", "quotalog-consumers 1\nlog LOG\na 1\n",
    "quotalog-consumers 1\nlog LOG\na -1 USER 5\n", "quotalog-consumers 1\nlog LOG\n/ 1 USER 5\n",
    "quotalog-consumers 1\nlog LOG\na 1 USER 5\na 2 USER 5\n",
    "quotalog-consumers 2\nlog LOG 2\na 1 USER 5\n", "quotalog-consumers 2\nlog LOG 1\na 1 USER 5",
  ])
  func `is not guessed from a damaged file`(text: String) throws {
    let text = text.replacing("LOG", with: "\(open.store.logID)")
      .replacing("USER", with: "\(owner.user)")
    try Data(text.utf8).write(to: URL(filePath: open.path + "/consumers"))
    #expect(throws: StoreFailure.self) { try Desk(open.store) }
  }

  @Test func `is not guessed from a file that was cut, wherever that was`() throws {
    _ = try Desk(open.store).keep("a", upTo: 3, by: owner)
    _ = try Desk(open.store).keep("b", upTo: 2, by: owner)
    let file = URL(filePath: open.path + "/consumers")
    let whole = try Data(contentsOf: file)
    for count in 0..<whole.count {
      try whole.prefix(count).write(to: file)
      #expect(throws: StoreFailure.self, "\(count) bytes") { try Consumers.stored(in: open.store) }
    }
    try whole.write(to: file)
    #expect(try Consumers.stored(in: open.store).count == 2)
  }

  @Test func `is read from a file of the first format, which did not say how long it is`() throws {
    let text = "quotalog-consumers 1\nlog \(open.store.logID)\na 1 \(owner.user) 5\n"
    try Data(text.utf8).write(to: URL(filePath: open.path + "/consumers"))
    #expect(try Consumers.stored(in: open.store).map(\.position) == [Position(1)])
  }

  @Test(arguments: ["", " ", "a b", "a/b", "ä", "a\n", String(repeating: "a", count: 101)])
  func `is not called just anything`(name: String) {
    #expect(throws: TextRule.self) { try ConsumerName(name) }
  }

  @Test(arguments: ["a", "Z-9_x.y", String(repeating: "a", count: 100)])
  func `is called by letters, digits and three signs`(name: String) throws {
    #expect(try ConsumerName(name).description == name)
  }
}

/// Consumers that are asked one thing at a time.
private final class Desk {
  let consumers: Consumers
  private let box = AnswerBox()

  private final class AnswerBox: @unchecked Sendable {
    let given = DispatchSemaphore(value: 0)
    var answer: ConsumerAnswer?
  }

  init(_ store: Store) throws {
    consumers = try Consumers(of: store) { [box] delivered in
      box.answer = delivered.last?.answer
      box.given.signal()
    }
  }

  func keep(
    _ name: String, upTo position: UInt64? = nil, rewinding: Bool = false, by caller: ConsumerCaller
  ) -> ConsumerAnswer {
    ask { name in
      .acknowledge(
        name, upTo: position.map { Position($0) }, mayRewind: rewinding, by: caller)
    } about: {
      name
    }
  }

  func remove(_ name: String, by caller: ConsumerCaller) -> ConsumerAnswer {
    ask {
      .remove($0, by: caller)
    } about: {
      name
    }
  }

  private func ask(
    _ request: (ConsumerName) -> ConsumerRequest, about name: () -> String
  ) -> ConsumerAnswer {
    guard let name = try? ConsumerName(name()), consumers.submit(request(name), number: 1) else {
      return .refused(.unknown)
    }
    box.given.wait()
    return box.answer ?? .refused(.unknown)
  }
}

extension ConsumerAnswer {
  fileprivate var kept: (Consumer, isNew: Bool)? {
    if case .kept(let consumer, let isNew) = self { (consumer, isNew) } else { nil }
  }

  fileprivate var failure: StoreFailure? {
    if case .failed(let failure) = self { failure } else { nil }
  }
}
