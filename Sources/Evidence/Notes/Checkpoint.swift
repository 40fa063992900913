/// Size and root of a log, to be signed (C2SP `tlog-checkpoint`).
public struct Checkpoint: Hashable, Sendable {
  /// Which log it is, on one line.
  public let origin: String
  public let size: TreeSize
  public let root: Digest256
  /// Lines of no meaning here; monitors cannot audit them.
  public let extensions: [String]

  public init(
    origin: String, size: TreeSize, root: Digest256, extensions: [String] = []
  ) throws(CheckpointRefusal) {
    guard Self.isLine(origin) else { throw .origin }
    for (place, line) in extensions.enumerated() where !Self.isLine(line) {
      throw .extensionLine(place + 1)
    }
    guard size.count > 0 || root == .emptyTree else { throw .rootOfNothing }
    (self.origin, self.size, self.root, self.extensions) = (origin, size, root, extensions)
  }

  private static func isLine(_ line: String) -> Bool {
    !line.isEmpty && line.utf8.allSatisfy { $0 >= 0x20 }
  }

  /// The text that is signed.
  public var text: String {
    ([origin, size.description, root.base64] + extensions).map { "\($0)\n" }.joined()
  }

  public init(text: String) throws(CheckpointRefusal) {
    guard text.utf8.last == 0x0A else { throw .tooFewLines }
    let lines = text.utf8.dropLast().split(separator: 0x0A, omittingEmptySubsequences: false)
    guard lines.count >= 3 else { throw .tooFewLines }
    guard let size = Decimal.canonical(lines[1]) else { throw .size }
    guard let root = Digest256(base64: String(Substring(lines[2]))) else { throw .root }
    try self.init(
      origin: String(Substring(lines[0])), size: TreeSize(size), root: root,
      extensions: lines[3...].map { String(Substring($0)) })
  }
}

extension Checkpoint {
  public func signed(by key: SigningKey) throws(CheckpointRefusal) -> SignedNote {
    do { return SignedNote(try NoteText(text), signedBy: key) } catch { throw .note(error) }
  }
}

/// Why something is not a checkpoint, or not one to be believed.
public enum CheckpointRefusal: Error, Hashable, Sendable {
  case note(NoteRefusal)
  case tooFewLines
  /// The origin is empty or more than a line.
  case origin
  /// The size is not a decimal number without leading zeros.
  case size
  /// The root is not canonical base64 of 32 bytes.
  case root
  /// A tree without leaves has one root, and this is another.
  case rootOfNothing
  /// The extension line at this place, counted from 1, is empty or more than a line.
  case extensionLine(Int)
  /// The checkpoint is true, of another log.
  case otherLog(origin: String)
}

extension CheckpointRefusal: CustomStringConvertible {
  public var description: String {
    switch self {
    case .note(let refusal): refusal.description
    case .tooFewLines: "a checkpoint has at least the three lines origin, size and root"
    case .origin: "the origin of the checkpoint is not one line of text"
    case .size: "the size of the checkpoint is not a decimal number without leading zeros"
    case .root: "the root of the checkpoint is not 32 bytes in base64"
    case .rootOfNothing: "the checkpoint has the size 0 and not the root of an empty tree"
    case .extensionLine(let place): "extension line \(place) of the checkpoint is not one line"
    case .otherLog(let origin): "the checkpoint is of the log \(origin)"
    }
  }
}
