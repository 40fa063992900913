import Glibc

/// Bytes on their way out: appended behind, taken by the socket in front.
struct OutputBuffer {
  /// Memory up to this size is kept for the next answer once everything has been sent.
  static let keptCapacity = 16_384

  private(set) var bytes: [UInt8] = []
  private var sent = 0

  var count: Int { bytes.count - sent }
  var isEmpty: Bool { bytes.count == sent }

  /// Lets `write` append whatever it likes.
  mutating func append(_ write: (inout [UInt8]) -> Void) {
    write(&bytes)
  }

  /// Offers everything to the socket: how much it took, -1 with `errno` set when it took nothing.
  mutating func send(to descriptor: Int32, keepsMemory: Bool) -> Int {
    let taken = unsafe bytes.withUnsafeBytes { all in
      let rest = unsafe UnsafeRawBufferPointer(rebasing: all[sent...])
      return unsafe Glibc.send(
        descriptor, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
    }
    if taken > 0 { drop(taken, keepsMemory) }
    return taken
  }

  private mutating func drop(_ taken: Int, _ keepsMemory: Bool) {
    sent += taken
    if sent == bytes.count {
      bytes.removeAll(keepingCapacity: keepsMemory && bytes.capacity <= Self.keptCapacity)
      sent = 0
    } else if sent > bytes.count / 2 {
      bytes.removeFirst(sent)
      sent = 0
    }
  }
}
