internal import Encodings

/// A proof that stands by itself: an entry's place, its way to the root, and the signed checkpoint that
/// states the root (C2SP `tlog-proof`).
///
/// Until `verify` has passed, it is only what somebody claims.
public struct LogProof: Hashable, Sendable {
  /// The entry itself, so that nothing else is needed; nil where it comes by another way. The proof is what
  /// makes it believable.
  public let entry: [UInt8]?
  public let index: LeafIndex
  /// The hash nearest the leaf first.
  public let path: [Digest256]
  public let checkpoint: SignedNote

  /// Longer texts are refused before anything is computed for them.
  public static let byteLimit = SignedNote.byteLimit + (1 << 17)
  private static let firstLine = "c2sp.org/tlog-proof@v1"
  /// A tree of 2^63 leaves has no longer way.
  private static let pathLimit = 64

  public init(entry: [UInt8]?, index: LeafIndex, path: [Digest256], checkpoint: SignedNote) {
    (self.entry, self.index, self.path, self.checkpoint) = (entry, index, path, checkpoint)
  }

  /// The proof as it is stored and sent.
  public var text: String {
    var lines = [Self.firstLine]
    if let entry { lines.append("extra \(Base64.encode(entry))") }
    lines.append("index \(index)")
    lines += path.map(\.base64)
    return lines.map { "\($0)\n" }.joined() + "\n" + checkpoint.string
  }

  /// Reads what `text` writes; nothing is verified.
  public init(parsing bytes: [UInt8]) throws(LogProofRefusal) {
    guard bytes.count <= Self.byteLimit else { throw .tooLong(byteCount: bytes.count) }
    guard let end = Self.endOfHead(in: bytes) else { throw .malformed }
    var lines = bytes[..<end].split(separator: 0x0A, omittingEmptySubsequences: false)[...]
    guard lines.popFirst()?.elementsEqual(Self.firstLine.utf8) == true else { throw .notAProof }
    var entry: [UInt8]?
    if let text = Self.value(of: "extra ", in: lines.first) {
      guard let bytes = Base64.decode(text) else { throw .entry }
      entry = bytes
      lines.removeFirst()
    }
    guard let number = Self.value(of: "index ", in: lines.popFirst()),
      let index = Decimal.canonical(number)
    else { throw .index }
    guard lines.count <= Self.pathLimit else { throw .path(Self.pathLimit + 1) }
    var path: [Digest256] = []
    for line in lines {
      guard let hash = Digest256(base64: String(decoding: line, as: UTF8.self)) else {
        throw .path(path.count + 1)
      }
      path.append(hash)
    }
    let checkpoint: SignedNote
    do { checkpoint = try SignedNote(parsing: Array(bytes[(end + 2)...])) } catch {
      throw .checkpoint(.note(error))
    }
    self.init(entry: entry, index: LeafIndex(index), path: path, checkpoint: checkpoint)
  }

  /// The place of the newline before the first empty line.
  private static func endOfHead(in bytes: [UInt8]) -> Int? {
    bytes.indices.dropLast().first { bytes[$0] == 0x0A && bytes[$0 + 1] == 0x0A }
  }

  private static func value(of name: String, in line: ArraySlice<UInt8>?) -> ArraySlice<UInt8>? {
    guard let line, line.starts(with: name.utf8) else { return nil }
    return line.dropFirst(name.utf8.count)
  }
}

extension LogProof {
  /// What the checkpoint says, once one of `keys` has signed it for this log, and `entry` is where the
  /// proof says.
  public func verify(
    entry: [UInt8], origin: String, keys: [VerifyingKey]
  ) throws(LogProofRefusal) -> Checkpoint {
    let statement: Checkpoint
    do {
      statement = try SignedCheckpoint(verifying: checkpoint, origin: origin, keys: keys).checkpoint
    } catch {
      throw .checkpoint(error)
    }
    var hasher = TreeHasher()
    let leaf = unsafe hasher.leaf(entry.span.bytes)
    let proof = InclusionProof(index: index, size: statement.size, path: path)
    do { try proof.verify(leaf: leaf, root: statement.root, using: &hasher) } catch {
      throw .proof(error)
    }
    return statement
  }
}

/// Why something is not a proof, or proves nothing.
public enum LogProofRefusal: Error, Hashable, Sendable {
  case tooLong(byteCount: Int)
  /// It does not begin with the line of such proofs.
  case notAProof
  /// There is no empty line with a checkpoint behind it.
  case malformed
  /// The entry is not canonical base64.
  case entry
  /// The index is not a decimal number without leading zeros.
  case index
  /// The hash at this place, counted from 1, is not 32 bytes in base64, or is one too many.
  case path(Int)
  case checkpoint(CheckpointRefusal)
  case proof(ProofRefusal)
}

extension LogProofRefusal: CustomStringConvertible {
  public var description: String {
    switch self {
    case .tooLong(let byteCount): "the proof has \(byteCount) bytes, which is too long"
    case .notAProof: "the text does not begin with the line c2sp.org/tlog-proof@v1"
    case .malformed: "the proof has no checkpoint behind an empty line"
    case .entry: "the entry of the proof is not base64"
    case .index: "the index of the proof is not a decimal number without leading zeros"
    case .path(let place): "hash \(place) of the proof is not 32 bytes in base64, or too many"
    case .checkpoint(let refusal): refusal.description
    case .proof(let refusal): refusal.description
    }
  }
}
