internal import CCurl

/// An IPv4 or IPv6 address. One that stands for an IPv4 address within IPv6 is that IPv4 address.
struct NetworkAddress: Hashable, Sendable {
  /// 4 or 16 of them, as they go over the wire.
  let bytes: [UInt8]

  /// Reads an address as people and libcurl write it; nil where the text is none.
  init?(_ text: String) {
    var bytes = [UInt8](repeating: 0, count: 16)
    let count = unsafe text.withCString { unsafe ccurl_read_address($0, &bytes) }
    self.init(bytes.prefix(Int(count)))
  }

  init?(_ bytes: some Collection<UInt8>) {
    guard bytes.count == 4 || bytes.count == 16 else { return nil }
    let all = Array(bytes)
    self.bytes = Self.mapped.matches(all) ? Array(all.suffix(4)) : all
  }

  /// Whether the first `length` bits are those of `network`.
  func isWithin(_ network: NetworkAddress, length: Int) -> Bool {
    Block(bytes: network.bytes, length: length).matches(bytes)
  }

  var isLoopback: Bool {
    Self.loopback.matches(bytes) || bytes == [UInt8](repeating: 0, count: 15) + [1]
  }

  /// Whether it is of this machine: a request to such an address never passes what guards it outside.
  var isOwn: Bool { unsafe ccurl_is_own_address(bytes, Int32(bytes.count)) != 0 }

  /// Whether the address belongs to the public network (IANA's special-purpose registries, RFC 6890).
  var isPublic: Bool {
    if bytes.count == 4 { return !Self.special.contains { $0.matches(bytes) } }
    if Self.translated.matches(bytes) { return Self.isPublic(bytes.suffix(4)) }
    if Self.sixToFour.matches(bytes) { return Self.isPublic(bytes[2..<6]) }
    return Self.global.matches(bytes) && !Self.reserved.contains { $0.matches(bytes) }
  }

  private static func isPublic(_ bytes: ArraySlice<UInt8>) -> Bool {
    NetworkAddress(bytes)?.isPublic ?? false
  }

  /// The addresses that begin with the same bits.
  private struct Block {
    let bytes: [UInt8]
    let length: Int

    func matches(_ other: [UInt8]) -> Bool {
      guard other.count == bytes.count || bytes.count < other.count && other.count == 16 else {
        return false
      }
      guard (bytes.count == 4) == (other.count == 4) else { return false }
      let whole = length / 8
      guard other.prefix(whole) == bytes.prefix(whole) else { return false }
      let rest = length % 8
      return rest == 0 || (other[whole] ^ bytes[whole]) >> UInt8(8 - rest) == 0
    }
  }

  private static let mapped = Block(
    bytes: [UInt8](repeating: 0, count: 10) + [0xFF, 0xFF, 0, 0, 0, 0], length: 96)
  private static let loopback = Block(bytes: [127, 0, 0, 0], length: 8)
  private static let special = [
    Block(bytes: [0, 0, 0, 0], length: 8), Block(bytes: [10, 0, 0, 0], length: 8),
    Block(bytes: [100, 64, 0, 0], length: 10), Block(bytes: [127, 0, 0, 0], length: 8),
    Block(bytes: [169, 254, 0, 0], length: 16), Block(bytes: [172, 16, 0, 0], length: 12),
    Block(bytes: [192, 0, 0, 0], length: 24), Block(bytes: [192, 0, 2, 0], length: 24),
    Block(bytes: [192, 88, 99, 0], length: 24), Block(bytes: [192, 168, 0, 0], length: 16),
    Block(bytes: [198, 18, 0, 0], length: 15), Block(bytes: [198, 51, 100, 0], length: 24),
    Block(bytes: [203, 0, 113, 0], length: 24), Block(bytes: [224, 0, 0, 0], length: 3),
  ]
  private static let translated = six([0, 0x64, 0xFF, 0x9B], length: 96)
  private static let sixToFour = six([0x20, 0x02], length: 16)
  private static let global = six([0x20], length: 3)
  private static let reserved = [
    six([0x20, 0x01], length: 23), six([0x20, 0x01, 0x0D, 0xB8], length: 32),
    six([0x3F, 0xFF], length: 20),
  ]

  private static func six(_ start: [UInt8], length: Int) -> Block {
    Block(bytes: start + [UInt8](repeating: 0, count: 16 - start.count), length: length)
  }
}
