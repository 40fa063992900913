internal import Glibc
internal import Projections
internal import Synchronization

/// Compares two generations, which are nearly always equal, on two threads.
final class GenerationComparison: Sendable {
  private let one: Generation
  private let other: Generation
  private let secondHalf = Mutex<Result<Bool, ProjectionFailure>>(.success(false))

  init(_ one: Generation, _ other: Generation) {
    self.one = one
    self.other = other
  }

  /// Where `one` first differs from `other`, in words; nil where it does not.
  func firstDifference() throws(ProjectionFailure) -> String? {
    let thread = Thread.start(named: "comparing") { self.compareSecondHalf() }
    let firstHalf = Result { () throws(ProjectionFailure) in
      try one.equals(other, in: .first)
    }
    pthread_join(thread, nil)
    let areEqual = try firstHalf.get()
    if try secondHalf.withLock({ $0 }).get() && areEqual { return nil }
    // Where it is takes one look after the other.
    return try one.firstDifference(from: other)
  }

  private func compareSecondHalf() {
    let result = Result { () throws(ProjectionFailure) in
      try one.equals(other, in: .second)
    }
    secondHalf.withLock { $0 = result }
  }
}
