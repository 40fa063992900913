import CLibevent

/// Says when a descriptor that somebody else owns can be read or written, again and again.
///
/// For libraries that do their own reading and writing. Released, it no longer watches; release it
/// before the descriptor is closed, because the next one opened may get the same number.
public final class DescriptorWatch {
  /// What a descriptor is ready for. One that has failed is ready for all that was asked.
  public struct Readiness: OptionSet, Hashable, Sendable {
    public let rawValue: UInt8

    public init(rawValue: UInt8) { self.rawValue = rawValue }

    public static let readable = Readiness(rawValue: 1)
    public static let writable = Readiness(rawValue: 2)
  }

  private let onReady: (Readiness) -> Void
  private var registration: EventRegistration?

  /// Watches from now on; `onReady` is called in every turn that finds the descriptor ready.
  public init(
    _ descriptor: Int32, for interest: Readiness, on loop: EventLoop,
    _ onReady: @escaping (Readiness) -> Void
  ) throws(EventLoopFailure) {
    self.onReady = onReady
    let registration = unsafe try EventRegistration(
      loop.base, descriptor: descriptor, flags: interest.flags | EV_PERSIST, context: self
    ) { _, flags, context in
      guard let context = unsafe context else { return }
      let watch = unsafe Unmanaged<DescriptorWatch>.fromOpaque(context).takeUnretainedValue()
      watch.registration?.clock.begin()
      watch.onReady(Readiness(flags: Int32(flags)))
    }
    try registration.activate()
    self.registration = registration
  }
}

extension DescriptorWatch.Readiness {
  fileprivate init(flags: Int32) {
    self = []
    if flags & EV_READ != 0 { insert(.readable) }
    if flags & EV_WRITE != 0 { insert(.writable) }
  }

  fileprivate var flags: Int32 {
    (contains(.readable) ? EV_READ : 0) | (contains(.writable) ? EV_WRITE : 0)
  }
}
