/// Which servers a request may reach. It is the address that is connected to that counts, whatever the
/// name resolved to a moment before.
public struct Destinations: Hashable, Sendable {
  /// Servers that may be reached wherever they are.
  public var listed: [ServerPattern]
  /// Whether this machine itself may be reached, without being listed.
  public var allowsLoopback: Bool

  public init(listed: [ServerPattern] = [], allowsLoopback: Bool = false) {
    self.listed = listed
    self.allowsLoopback = allowsLoopback
  }

  /// Whether the server of that name may be reached at this address. Public ones always may be, but for
  /// those of this machine.
  func allow(_ address: NetworkAddress, host: String, port: UInt16) -> Bool {
    if listed.contains(where: { $0.matches(address, host: host, port: port) }) { return true }
    if address.isLoopback { return allowsLoopback }
    return address.isPublic && (allowsLoopback || !address.isOwn)
  }
}

/// A server, or all within a network, as operators write it: `HOST`, `HOST:PORT`, an address, or a
/// network such as `10.0.0.0/8`.
public struct ServerPattern: Hashable, Sendable, CustomStringConvertible {
  private enum Place: Hashable {
    case name(String)
    case network(NetworkAddress, length: Int)
  }

  private let place: Place
  private let port: UInt16?
  public let description: String

  /// nil where the text is none of these.
  public init?(_ text: String) {
    description = text
    if let network = Self.network(text) {
      place = network
      port = nil
      return
    }
    guard let (host, port) = Self.split(text) else { return nil }
    self.port = port
    if let address = NetworkAddress(host) {
      place = .network(address, length: address.bytes.count * 8)
    } else {
      guard Self.isName(host) else { return nil }
      place = .name(Self.normal(host))
    }
  }

  func matches(_ address: NetworkAddress, host: String, port: UInt16) -> Bool {
    if let own = self.port, own != port { return false }
    switch place {
    case .name(let name): return name == Self.normal(host)
    case .network(let network, let length): return address.isWithin(network, length: length)
    }
  }

  private static func network(_ text: String) -> Place? {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, let address = NetworkAddress(String(parts[0])),
      let length = Int(parts[1]), (0...address.bytes.count * 8).contains(length)
    else { return nil }
    return .network(address, length: length)
  }

  /// The host, and the port where there is one; an IPv6 address with a port stands in brackets.
  private static func split(_ text: String) -> (host: String, port: UInt16?)? {
    if NetworkAddress(text) != nil { return (text, nil) }
    if text.hasPrefix("[") {
      guard let end = text.firstIndex(of: "]") else { return nil }
      let host = String(text[text.index(after: text.startIndex)..<end])
      let rest = text[text.index(after: end)...]
      if rest.isEmpty { return (host, nil) }
      guard rest.hasPrefix(":"), let port = UInt16(rest.dropFirst()) else { return nil }
      return (host, port)
    }
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    if parts.count == 1 { return (text, nil) }
    guard parts.count == 2, let port = UInt16(parts[1]) else { return nil }
    return (String(parts[0]), port)
  }

  private static func isName(_ text: String) -> Bool {
    !text.isEmpty
      && text.utf8.allSatisfy { byte in
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte)
          || (0x61...0x7A).contains(byte) || "-._".utf8.contains(byte)
      }
  }

  private static func normal(_ host: String) -> String {
    let name = host.lowercased()
    return name.hasSuffix(".") ? String(name.dropLast()) : name
  }
}
