public import QuotaModel

/// What one commit appends: consecutive records.
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

  /// Where a log has to end for the segment to go on there.
  public var head: Position { Position(firstPosition.rawValue - 1) }
}

/// Whether a scan goes on.
public enum ScanStep: Sendable {
  case proceed
  case stop
}
