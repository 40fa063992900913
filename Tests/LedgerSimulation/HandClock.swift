public import QuotaModel
public import QuotaService
internal import Synchronization

/// A clock that moves only when it is told to, forwards and back.
public final class HandClock: Sendable {
  private let moment: Mutex<Moment>

  public init(at moment: Moment) { self.moment = Mutex(moment) }

  public var now: Moment { moment.withLock { $0 } }

  public var clock: Clock { { [self] in now } }

  public func set(_ moment: Moment) { self.moment.withLock { $0 = moment } }

  public func move(bySeconds seconds: Int64) {
    moment.withLock {
      $0 = Moment(microseconds: max(0, $0.microseconds + seconds * 1_000_000))
    }
  }
}
