internal import Glibc
internal import Projections
internal import Synchronization

/// Asks whether two generations are equal, which they nearly always are, on two threads.
final class EqualityCheck: Sendable {
  private let one: Generation
  private let other: Generation
  private let secondHalf = Mutex<Result<Bool, ProjectionFailure>>(.success(false))

  init(_ one: Generation, _ other: Generation) {
    self.one = one
    self.other = other
  }

  func areEqual() throws(ProjectionFailure) -> Bool {
    let thread = Thread.start(named: "comparing") { self.compareSecondHalf() }
    let firstHalf = Result { () throws(ProjectionFailure) in
      try one.equals(other, in: .first)
    }
    pthread_join(thread, nil)
    let areEqual = try firstHalf.get()
    return try secondHalf.withLock({ $0 }).get() && areEqual
  }

  private func compareSecondHalf() {
    let result = Result { () throws(ProjectionFailure) in
      try one.equals(other, in: .second)
    }
    secondHalf.withLock { $0 = result }
  }
}
