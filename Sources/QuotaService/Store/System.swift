internal import CCrypto
internal import Glibc
public import QuotaModel

/// Tells the time.
public typealias Clock = @Sendable () -> Moment

/// What the machine gives: time, random bits, its boot.
public enum System {
  /// The wall clock.
  public static let clock: Clock = {
    var time = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &time)
    return Moment(microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000)
  }

  /// Nanoseconds that only go on.
  public static let monotonicNanoseconds: @Sendable () -> UInt64 = {
    var time = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }

  /// Changes with every start of the machine. Where nobody can tell, it is no other process's, so that
  /// nothing is taken for whole that a restart may have torn.
  static let bootID: String = {
    guard let bytes = try? Files.read("/proc/sys/kernel/random/boot_id") else {
      return "unknown \(randomWord())"
    }
    return String(decoding: bytes.prefix { $0 != 0x0A }, as: UTF8.self)
  }()

  /// A random word from OpenSSL's generator.
  static func randomWord() -> UInt64 {
    var word: UInt64 = 0
    let isRandom = unsafe withUnsafeMutableBytes(of: &word) { (bytes) in
      unsafe RAND_bytes(bytes.bindMemory(to: UInt8.self).baseAddress, 8) == 1
    }
    precondition(isRandom, "the system has no randomness to give")
    return word
  }

  public static func randomEntry() -> EntryID { EntryID(random: randomWord(), randomWord()) }

  public static func randomUser() -> UserID { UserID(random: randomWord(), randomWord()) }
}
