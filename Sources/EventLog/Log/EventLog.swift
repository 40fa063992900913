public import QuotaModel

/// An ordered, append-only sequence of records: the only truth of a store.
///
/// The face is the same for every engine. The embedded engine has one partition and one writer, so
/// it never answers `conflict` or `unknown`; an engine with several writers does.
public protocol EventLog: AnyObject, Sendable {
  /// Appends each segment behind the expected head of its partition. `appended` means durable.
  ///
  /// When it throws, none of the segments is in the log as far as anybody was told; the caller
  /// must `recover` before the next append.
  func append(_ appends: [SegmentAppend]) throws(LogFailure) -> [AppendOutcome]

  /// Committed segments after a position, in order, without gaps; empty at the head.
  ///
  /// Answers at least one segment where there is one, and stops before `maximumByteCount` is passed.
  func read(
    _ partition: Partition, after position: Position, maximumByteCount: Int
  ) throws(LogFailure) -> [Segment]

  /// The last position of each partition; zero for an empty one.
  func heads(of partitions: [Partition]) throws(LogFailure) -> [Position]

  /// Shows every record after `position` to `body`, in order and in place, until it says stop.
  ///
  /// Every record's checksum, position and time order has been checked when `body` sees it.
  func scan(
    _ partition: Partition, after position: Position,
    _ body: (borrowing RecordView) -> ScanStep
  ) throws(LogFailure)

  /// Makes the log usable again after a failed append, from what the disk holds.
  func recover() throws(LogFailure)
}

/// An independently ordered part of a log.
public struct Partition: Hashable, Sendable {
  public let number: UInt32

  public init(number: UInt32) { self.number = number }

  /// The only partition of an embedded log.
  public static let only = Partition(number: 0)
}

/// What one commit appends to one partition: consecutive records.
public struct Segment: Hashable, Sendable {
  public let firstPosition: Position
  public let count: Int
  /// The records, one behind the other; each starts with its own length.
  public let records: [UInt8]

  public init(firstPosition: Position, count: Int, records: [UInt8]) {
    self.firstPosition = firstPosition
    self.count = count
    self.records = records
  }
}

/// A segment and the condition under which it may be appended.
public struct SegmentAppend: Sendable {
  public let partition: Partition
  /// The partition's last position, as the caller's projection knows it.
  public let expectedHead: Position
  /// Recognises the same attempt after an unknown outcome.
  public let batchID: UInt64
  public let segment: Segment
  /// What the names beside the log have come to with it; nil where it gives none.
  public let names: NameTally?

  public init(
    partition: Partition, expectedHead: Position, batchID: UInt64, segment: Segment,
    names: NameTally? = nil
  ) {
    self.partition = partition
    self.expectedHead = expectedHead
    self.batchID = batchID
    self.segment = segment
    self.names = names
  }
}

/// What became of an append.
public enum AppendOutcome: Hashable, Sendable {
  /// The segment is in the log and durable.
  case appended
  /// Somebody else's segment is there: fold it, and decide again.
  case conflict(head: Position)
  /// Nobody knows yet: append the same segment again.
  case unknown
}

/// Whether a scan goes on.
public enum ScanStep: Sendable {
  case proceed
  case stop
}
