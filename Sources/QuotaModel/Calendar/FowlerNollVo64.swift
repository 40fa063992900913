/// FNV-1a with 64 bits, a short hash that is the same in every process and version.
struct FowlerNollVo64 {
  private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325

  /// Takes in the eight bytes of a number, least significant first.
  mutating func combine(_ number: Int64) {
    var rest = UInt64(bitPattern: number)
    for _ in 0..<8 {
      value = (value ^ (rest & 0xff)) &* 0x0000_0100_0000_01b3
      rest >>= 8
    }
  }
}
