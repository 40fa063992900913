internal import EventLog
internal import Projections
public import QuotaModel

extension Queries {
  /// Seconds that a moment must be past before it is answered for, unless later events are recorded
  /// already: a commit takes its time stamp when it begins.
  private static let settlingSeconds: Int64 = 10

  /// Finds a point of history in the log.
  public func resolve(
    _ point: PointInTime, now: Moment
  ) throws(StoreFailure) -> Result<PastPoint, PastFault> {
    let head = try head()
    switch point {
    case .position(let position):
      let clock = try usingLog(store.log.clock(at: position))
      guard let clock else {
        return position == .zero
          ? .success(PastPoint(position: .zero, moment: .earliest)) : .failure(.beyondHead(head))
      }
      return .success(PastPoint(position: position, moment: clock))
    case .moment(let moment):
      let position = try usingLog(store.log.lastPosition(recordedBy: moment))
      let latest = Moment(microseconds: now.microseconds - Self.settlingSeconds * 1_000_000)
      guard position < head || moment <= latest else { return .failure(.tooRecent(latest: latest)) }
      return .success(PastPoint(position: position, moment: moment))
    }
  }

  /// What a user's windows held at a point of history: those that the moment lies in, or a local date.
  ///
  /// The answer is the same whenever it is asked for. nil: there was no such user.
  ///
  /// - Parameter limit: Events that may be looked at; about a thousand suffice for the windows of the
  ///   moment, earlier windows take what the account did since.
  public func usage(
    of reference: UserReference, at point: PastPoint, on date: CalendarDate? = nil,
    limit: Int = .max
  ) throws(StoreFailure) -> Result<UsageReading?, PastFault> {
    guard let user = try identity(of: reference) else { return .success(nil) }
    func read(years: Bool) throws(StoreFailure) -> PastAccountReader {
      try PastAccountReader(of: user, at: point, limit: limit, knowsYears: years, in: self) {
        (calendar) in
        PerPeriod {
          if let date {
            calendar.window($0, of: date)
          } else {
            calendar.window($0, containing: point.moment)
          }
        }
      }
    }
    let past = try read(years: false)
    switch try past.fold() {
    case .failure(let fault): return .failure(fault)
    case .success(nil): return .success(nil)
    case .success(let fold?):
      // A limit of the year that only the point knew, the fold has found.
      let asksForYears = fold.account.counts(.yearly, defaults: past.system.policy.limits)
      guard asksForYears, !past.knowsYears else { return .success(past.reading(fold)) }
      return try read(years: true).fold().map { $0.map(past.reading) }
    }
  }

  /// What held for everybody at a point of history.
  public func defaults(at point: PastPoint) throws(StoreFailure) -> SystemPolicy {
    try pastSystem(at: point.position).policy
  }

  /// A session as it was at a point of history; nil where it did not exist for the viewer then.
  public func session(
    _ address: SessionAddress, at point: PastPoint, limit: Int = .max
  ) throws(StoreFailure) -> Result<Session?, PastFault> {
    let known = try reading { (snapshot) throws(ProjectionFailure) in
      (
        ref: try snapshot.pastSession(address.id, at: point.position),
        upTo: try snapshot.storedState().position
      )
    }
    let tail = try sessionTail(of: address.id, known.ref, after: known.upTo, upTo: point.position)
    // Whose it is stands in its first event, and comes before how long it is.
    guard let ref = tail.ref, let begun = try foldSession([ref.position]),
      address.viewer.sees(begun)
    else { return .success(nil) }
    var positions = try positions(of: ref, upTo: point.position, limit: limit)
    let listed = positions.last ?? .zero
    positions += tail.positions.filter { $0 > listed }
    guard positions.count <= limit else { return .failure(.tooLong(limit: limit)) }
    let session = try foldSession(positions)
    return .success(session?.phase == .deleted ? nil : session)
  }
}
