import Projections
import QuotaModel
import TestSupport
import Testing

@Suite struct `Request ids` {
  /// A UUID as RFC 9562 writes it, and ids that are nearly one. No two are the same request.
  private static let alike: [String] = {
    let uuid = "0198c0de-abcd-7ef0-9123-456789abcdef"
    var ids: Set = [uuid, uuid.uppercased(), "{\(uuid)}", String(uuid.dropLast()), uuid + "0"]
    ids.insert(uuid.replacing("-", with: ""))
    ids.insert("ffffffff-ffff-ffff-ffff-ffffffffffff")
    ids.insert("00000000-0000-0000-0000-000000000000")
    for place in uuid.indices {
      // Around the digits and the letters, with the same low half as some of them, and behind ASCII.
      for letter in "/:`gGAFo?@!0129afP~" {
        var other = uuid
        other.replaceSubrange(place...place, with: String(letter))
        ids.insert(other)
      }
    }
    // As many bytes, not as many letters; and one that looks like the bytes behind the mark.
    ids.insert("é198c0de-abcd-7ef0-9123-456789abcde")
    ids.insert("ÿ" + String(uuid.prefix(15)))
    return ids.sorted()
  }()

  @Test func `that look alike are told apart`() throws {
    let projection = try TestProjection()
    let events = Self.alike.enumerated().map { number, id in
      Event(
        position: Position(UInt64(number + 1)), recordedAt: .at("2026-05-01T00:00:00Z"),
        happenedAt: .at("2026-05-01T00:00:00Z"), actor: .operator, requestID: try? RequestID(id),
        fact: .userRegistered(UserID(random: UInt64(number), 7), role: .user))
    }
    try projection.fold(events)
    for isStored in [false, true] {
      if isStored { try projection.storeAll() }
      var batch = try projection.folder.beginBatch()
      for event in events {
        let id = try #require(event.requestID)
        #expect(try batch.position(ofRequest: id, by: .operator) == event.position, "\(id)")
      }
      let missing = try RequestID("0198c0de-abcd-7ef0-9123-456789abcdee")
      #expect(try batch.position(ofRequest: missing, by: .operator) == nil)
      batch.abandon()
    }
  }

  @Test(arguments: ["0198c0de-abcd-7ef0-9123-456789abcdef", "0198C0DE-abcd-7ef0-9123-456789abcdef"])
  func `are named as they were written`(id: String) throws {
    let projections = try [id, nil].map { (text: String?) throws in
      let projection = try TestProjection()
      try projection.fold([
        Event(
          position: Position(1), recordedAt: .at("2026-05-01T00:00:00Z"),
          happenedAt: .at("2026-05-01T00:00:00Z"), actor: .operator,
          requestID: text.flatMap { try? RequestID($0) },
          fact: .userRegistered(UserID(random: 1, 7), role: .user))
      ])
      try projection.storeAll()
      return projection
    }
    let difference = try #require(try projections[0].difference(from: projections[1]))
    #expect(difference.subject == "request id \(id) of the service")
  }
}
