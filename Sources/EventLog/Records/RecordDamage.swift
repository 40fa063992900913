/// What is wrong with stored bytes that should be a record.
public enum RecordDamage: Error, Hashable, Sendable {
  /// The bytes end before the record does.
  case truncated
  /// The stored checksum is not that of the bytes.
  case checksumDiffers
  /// The record says another position than its place in the log.
  case otherPosition(found: UInt64)
  /// The record's time is earlier than that of the record before.
  case timeGoesBack
  /// A newer program wrote it.
  case unknownVersion(UInt8)
  /// A newer program wrote it.
  case unknownKind(UInt8)
  /// A newer program wrote it.
  case unknownMember
  /// The checksum is right and the content is not.
  case malformed
  /// The frame around the records contradicts them.
  case chunkMalformed
  /// There is no record at the position, and there are later ones.
  case missing
}

extension RecordDamage: CustomStringConvertible {
  public var description: String {
    switch self {
    case .truncated: "the record is cut short"
    case .checksumDiffers: "the checksum does not match the bytes"
    case .otherPosition(let found): "the record says that it is number \(found)"
    case .timeGoesBack: "the record is older than the one before it"
    case .unknownVersion(let version):
      "the record has format \(version), which a newer quotalog wrote"
    case .unknownKind(let kind): "the record has kind \(kind), which a newer quotalog wrote"
    case .unknownMember: "the record has a member that only a newer quotalog knows"
    case .malformed: "the content is not that of its kind"
    case .chunkMalformed: "the frame around the records contradicts them"
    case .missing: "the record is missing"
    }
  }
}
