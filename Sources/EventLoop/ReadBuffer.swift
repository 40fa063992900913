import Glibc

/// The memory that all streams of a loop receive into, one after the other.
///
/// 64 KiB, because a body of that size then costs one system call instead of sixteen.
@safe final class ReadBuffer {
  private let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_536, alignment: 16)

  deinit { unsafe memory.deallocate() }

  /// Receives what has arrived: how many bytes, 0 at the end of input, -1 with `errno` set.
  func receive(from descriptor: Int32) -> Int {
    unsafe recv(descriptor, memory.baseAddress, memory.count, 0)
  }

  /// Lends the first `count` bytes.
  func withBytes(_ count: Int, _ body: (Span<UInt8>) -> Void) {
    let received = unsafe UnsafeRawBufferPointer(rebasing: memory[..<count])
    unsafe received.withMemoryRebound(to: UInt8.self) { bytes in
      body(unsafe bytes.span)
    }
  }
}
