internal import LMDB
public import QuotaModel

/// Which history a generation was folded from: the root of the log's Merkle tree over the events up to a
/// position. A position alone says nothing, for a log that lost its end gets other events there.
public struct HistoryAnchor: Hashable, Sendable {
  public let position: Position
  public let root: [UInt8]

  public init(position: Position, root: [UInt8]) {
    self.position = position
    self.root = root
  }
}

/// The stored form, under the key `anchor`.
enum AnchorRow {
  static let key = Array("anchor".utf8)
  private static let rootOffset = 8

  static func bytes(of anchor: HistoryAnchor) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.appendInteger(anchor.position.rawValue)
    return bytes + anchor.root
  }

  static func anchor(from row: RawSpan) throws(ProjectionFailure) -> HistoryAnchor {
    guard row.byteCount > rootOffset else { throw .malformedRow(table: "meta") }
    return HistoryAnchor(
      position: Position(row.word(at: 0)),
      root: [UInt8](copying: row.extracting(rootOffset..<row.byteCount)))
  }
}

extension Generation {
  /// The history that the generation belongs to, as far as that was noted; nil where it never was.
  ///
  /// What is folded from the log notes it with every state that it stores. What a decision folds does
  /// not, because nobody may wait for that: there the anchor stays behind until `note`.
  public func anchor() throws(ProjectionFailure) -> HistoryAnchor? {
    let bytes = try translating { () throws(LMDBError) in
      let transaction = try environment.beginRead()
      let key = AnchorRow.key
      guard let row = try transaction.get(key.rawBytes, in: tables.meta) else { return [UInt8]() }
      return [UInt8](copying: row)
    }
    return bytes.isEmpty ? nil : try AnchorRow.anchor(from: bytes.rawBytes)
  }

  /// Notes the history up to the stored position, where that has not been done; `root` is asked for it.
  public func noteAnchor(
    _ root: (Position) throws(ProjectionFailure) -> [UInt8]
  ) throws(ProjectionFailure) {
    guard let position = try state()?.position, try anchor()?.position != position else { return }
    let anchor = HistoryAnchor(position: position, root: try root(position))
    try environment.write { (transaction) throws(LMDBError) in
      try transaction.put(anchor, in: tables.meta)
    }
  }
}

extension WriteTransaction {
  mutating func put(_ anchor: HistoryAnchor, in meta: Table) throws(LMDBError) {
    let (key, row) = (AnchorRow.key, AnchorRow.bytes(of: anchor))
    try put(row.rawBytes, under: key.rawBytes, in: meta)
  }
}
