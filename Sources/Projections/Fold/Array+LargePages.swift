internal import Glibc

extension Array {
  /// Below this the kernel has no larger pages to give.
  private static var smallByteCount: Int { 4 << 20 }

  /// Moves the elements to memory of more room, for which the kernel is asked for pages of 2 MiB.
  ///
  /// Who goes through a large array in no order waits for the addresses of its pages as long as for
  /// what is in them, for the processor remembers few pages. Where the kernel has no such pages to
  /// give, nothing is lost.
  mutating func moveToLargePages(capacity: Int) {
    var moved: [Element] = []
    moved.reserveCapacity(capacity)
    moved.askForLargePages()
    moved.append(contentsOf: self)
    self = moved
  }

  /// The memory has to be fresh: pages that are there stay as they are.
  private mutating func askForLargePages() {
    let byteCount = capacity * MemoryLayout<Element>.stride
    guard byteCount >= Self.smallByteCount else { return }
    unsafe withUnsafeMutableBufferPointer { (elements) in
      let pageByteCount = sysconf(Int32(_SC_PAGESIZE))
      guard let base = UnsafeMutableRawPointer(elements.baseAddress) else { return }
      let gap = (pageByteCount - Int(bitPattern: base) % pageByteCount) % pageByteCount
      // An answer of no is fine.
      _ = unsafe madvise(base + gap, byteCount - gap, MADV_HUGEPAGE)
    }
  }
}
