import QuotaModel
import TestSupport
import Testing

@Suite struct `A user's id` {
  private static let ada = UserID(high: 0x0123_4567_89AB_4DEF, low: 0x8123_4567_89AB_CDEF)

  /// Contract chat-quota, section 3.
  @Test(arguments: [
    "01234567-89ab-4def-8123-456789abcdef", "01234567-89AB-4DEF-8123-456789ABCDEF",
    "0123456789ab4def8123456789abcdef", "{01234567-89ab-4def-8123-456789abcdef}",
    "urn:uuid:01234567-89ab-4def-8123-456789abcdef", "uuid:0123456789ab4def8123456789abcdef",
    "0-1-2-3-4-5-6-7-89ab4def8123456789abcdef", "-0123456789ab4def8123456789abcdef-",
    "{{0123456789ab4def8123456789abcdef}", "0123456789ab4def8123456789abcdef}}",
    "0123urn:456789ab4defuuid:8123456789abcdef", "uuurn:id:0123456789ab4def8123456789abcdef",
    "01234567-89ab4-def-8123-456789abcdef", "urn:uuid:{0123456789ab4def8123456789abcdef}",
  ]) func `is read in every spelling`(text: String) {
    #expect(UserID(spelling: text) == Self.ada)
  }

  @Test(arguments: [
    "", "-", "{}", "urn:uuid:", "None", "me", "0123456789ab4def8123456789abcde",
    "0123456789ab4def8123456789abcdef0", "0123456789ab4def8123456789abcdeg",
    " 0123456789ab4def8123456789abcdef", "0123456789ab4def8123456789abcdef\n",
    "URN:0123456789ab4def8123456789abcdef", "Uuid:0123456789ab4def8123456789abcdef",
    "0123456789ab4def{8123456789abcdef", "+123456789ab4def8123456789abcdef",
    "0x23456789ab4def8123456789abcdef", "0123456789ab4def_123456789abcdef",
    "01234567-89ab-4def-8123-456789abcde\u{660}", "０123456789ab4def8123456789abcdef",
    "01234567-89ab-4def-8123-456789abcdeg", "01234567-89ab-4def-8123_456789abcdef",
    "uurn:uid:0123456789ab4def8123456789abcdefuurn:urn:",
  ]) func `is nothing else`(text: String) {
    #expect(UserID(spelling: text) == nil)
  }

  @Test func `is not searched in a text without end`() {
    let hyphens = String(repeating: "-", count: 100_000)
    #expect(UserID(spelling: hyphens + "0123456789ab4def8123456789abcdef") == nil)
  }

  @Test func `reads as it is written`() {
    var numbers = SeededNumbers()
    #expect(Self.ada.description == "01234567-89ab-4def-8123-456789abcdef")
    for _ in 0..<1000 {
      let user = UserID(high: numbers.next(), low: numbers.next())
      #expect(UserID(spelling: user.description) == user)
      #expect(UserID(spelling: user.description.filter { $0 != "-" }.uppercased()) == user)
    }
  }

  @Test(arguments: [(0, 0), (.max, .max), (0x1234, 0x5678)] as [(UInt64, UInt64)])
  func `made of random bits is a UUID of version 4`(high: UInt64, low: UInt64) {
    let text = Array(UserID(random: high, low).description)
    #expect(text[14] == "4")
    #expect("89ab".contains(text[19]))
  }

  @Test func `keeps every other random bit`() {
    var users: Set<UserID> = []
    for bit in 0..<64 {
      users.insert(UserID(random: 1 << bit, 0))
      users.insert(UserID(random: 0, 1 << bit))
    }
    #expect(users.count == 128 - 6 + 1)
  }

  @Test func `sorts by all of its bits`() {
    let sorted = [(0, 0), (0, 1), (0, .max), (1, 0), (.max, 0), (.max, .max)] as [(UInt64, UInt64)]
    let users = sorted.map { UserID(high: $0.0, low: $0.1) }
    #expect(users.reversed().sorted() == users)
  }
}
