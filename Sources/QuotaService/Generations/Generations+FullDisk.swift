internal import Projections
internal import QuotaModel

extension Generations {
  /// The live generation, taken into use; or, where the disk has no room for that, as it was left: for
  /// questions, and with the reason.
  func openForWritingOrQuestions(
    acceptingLostEvents: Bool, checkingPages: Bool, progress: ProgressReport?
  ) throws(StoreFailure) -> (Generation, outage: StoreFailure?) {
    do throws(StoreFailure) {
      let generation = try openForWriting(
        acceptingLostEvents: acceptingLostEvents, checkingPages: checkingPages, progress: progress)
      return (generation, nil)
    } catch {
      guard error.remedy == .makeRoom else { throw error }
      guard let generation = try openForQuestions(acceptingLostEvents: acceptingLostEvents) else {
        throw error
      }
      return (generation, error)
    }
  }

  /// The live generation as it is on the disk, with what the log has behind it in memory only; nil where it
  /// cannot be trusted, or would have to be folded anew.
  private func openForQuestions(acceptingLostEvents: Bool) throws(StoreFailure) -> Generation? {
    guard let number = pointer?.live, hasFile(number) else { return nil }
    if !acceptingLostEvents { try checkLogHasAllOfLive() }
    guard case .usable(let generation) = try look(at: number, isReadOnly: false) else { return nil }
    let folder = try usingProjection(
      Folder(
        generation: generation, purpose: .showing, calendarSource: TimeZones.source))
    do throws(StoreFailure) {
      try LogFold(log: log).takeTail(folder)
    } catch .projection(.calendarChanged) {
      return nil
    } catch {
      // Readers see what was folded before the log could not be read.
      guard error.remedy == .makeRoom else { throw error }
    }
    return generation
  }
}
