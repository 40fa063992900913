import CLibevent
import Glibc

/// Where a connection comes from, as far as one can tell hosts apart.
///
/// Of an IPv6 address only the first 64 bits: one host has as many of the others as it likes.
public struct PeerAddress: Hashable, Sendable {
  private let bytes: [UInt8]

  init(_ bytes: [UInt8]) { self.bytes = bytes }
}

extension Socket {
  /// The other end of a TCP connection; nil for any other socket.
  public var peerAddress: PeerAddress? {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let descriptor = descriptor
    return unsafe withUnsafeMutableBytes(of: &storage) { bytes in
      let address = unsafe bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self)
      guard unsafe getpeername(descriptor, address, &length) == 0 else { return nil }
      // A family; a port; then the address, which with IPv6 stands behind a label of four bytes.
      switch unsafe Int32(bytes.load(as: sa_family_t.self)) {
      case AF_INET: return unsafe PeerAddress(Array(bytes[4..<8]))
      case AF_INET6: return unsafe PeerAddress(Self.prefix(of: Array(bytes[8..<24])))
      default: return nil
      }
    }
  }

  /// What tells hosts apart; of IPv4 in the clothes of IPv6 that is the IPv4 address.
  private static func prefix(of address: [UInt8]) -> [UInt8] {
    let mapped = [UInt8](repeating: 0, count: 10) + [0xFF, 0xFF]
    return address.starts(with: mapped) ? Array(address[12...]) : Array(address[..<8])
  }
}
