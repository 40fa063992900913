import CLibevent
import Glibc

/// Where to listen, as the system resolved it.
struct ListeningAddress {
  /// What the system keeps of connections that nobody has accepted yet; it lowers it to its own limit.
  private static let backlog: Int32 = 4096

  private let family: Int32
  private var storage = sockaddr_storage()
  private let length: socklen_t

  init(host: String, port: UInt16) throws(ListenFailure) {
    var hints = unsafe addrinfo()
    unsafe hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV
    unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    guard unsafe getaddrinfo(host, String(port), &hints, &list) == 0, let first = unsafe list
    else { throw .badHost }
    defer { unsafe freeaddrinfo(first) }
    family = unsafe first.pointee.ai_family
    length = unsafe first.pointee.ai_addrlen
    unsafe withUnsafeMutableBytes(of: &storage) { bytes in
      unsafe bytes.copyMemory(
        from: UnsafeRawBufferPointer(start: first.pointee.ai_addr, count: Int(length)))
    }
  }

  /// Whether only this machine can reach it.
  var isLoopback: Bool {
    unsafe withUnsafeBytes(of: storage) { bytes in
      switch family {
      case AF_INET:
        let address = unsafe bytes.loadUnaligned(as: sockaddr_in.self)
        return UInt32(bigEndian: address.sin_addr.s_addr) >> 24 == 127
      case AF_INET6:
        // ::1, or an IPv4 address in the clothes of IPv6.
        let address = unsafe Array(bytes[8..<24])
        let start = Array(repeating: UInt8(0), count: 10)
        let isMapped = address[..<12] == (start + [0xFF, 0xFF])[...]
        return address == start + [0, 0, 0, 0, 0, 1] || isMapped && address[12] == 127
      default: return false
      }
    }
  }

  /// Opens a socket that listens there, without Nagle's delay for what it accepts.
  func listen() throws(ListenFailure) -> Socket {
    let type = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
    let descriptor = Glibc.socket(family, type, 0)
    guard descriptor >= 0 else { throw ListenFailure("socket") }
    let socket = Socket(descriptor)
    guard socket.enable(SO_REUSEADDR, at: SOL_SOCKET),
      socket.enable(TCP_NODELAY, at: Int32(IPPROTO_TCP))
    else { throw ListenFailure("setsockopt") }
    guard bind(descriptor) == 0 else { throw ListenFailure("bind") }
    guard Glibc.listen(descriptor, Self.backlog) == 0 else { throw ListenFailure("listen") }
    return socket
  }

  private func bind(_ descriptor: Int32) -> Int32 {
    unsafe withUnsafeBytes(of: storage) { bytes in
      let address = unsafe bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self)
      return unsafe Glibc.bind(descriptor, address, length)
    }
  }
}

extension Socket {
  /// The local port; for a socket bound to port 0 the one that the system chose.
  func boundPort() throws(ListenFailure) -> UInt16 {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let descriptor = descriptor
    let port: UInt16? = unsafe withUnsafeMutableBytes(of: &storage) { bytes in
      let address = unsafe bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self)
      guard unsafe getsockname(descriptor, address, &length) == 0 else { return nil }
      // IPv4 and IPv6 keep the port in the same place: after the family, in network order.
      return unsafe UInt16(bigEndian: bytes.load(fromByteOffset: 2, as: UInt16.self))
    }
    guard let port else { throw ListenFailure("getsockname") }
    return port
  }
}
