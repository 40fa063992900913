internal import Encodings

/// Shows that consecutive entries are where they are said to be in a signed tree: what the tree was before
/// the first of them, and that the signed one grew from what it was behind the last.
///
///     quotalog-range-proof 1
///     first INDEX             of the first entry, counted from 0
///     before BASE64           the frontier of the tree without the entries
///     after BASE64            the consistency proof to the signed tree, one line for each hash
///                             (an empty line)
///     …                       the signed checkpoint
public struct RangeProof: Hashable, Sendable {
  /// The tree before the first entry; its size is the index of that.
  public let before: MerkleFrontier
  /// From the tree behind the last entry to the signed one (RFC 9162, 2.1.4).
  public let after: [Digest256]
  public let checkpoint: SignedNote

  private static let firstLine = "quotalog-range-proof 1"
  private static let byteLimit = SignedNote.byteLimit + (1 << 17)

  public init(before: MerkleFrontier, after: [Digest256], checkpoint: SignedNote) {
    (self.before, self.after, self.checkpoint) = (before, after, checkpoint)
  }

  public var text: String {
    let lines =
      [Self.firstLine, "first \(before.size)", "before \(Base64.encode(before.bytes))"]
      + after.map { "after \($0.base64)" }
    return lines.map { "\($0)\n" }.joined() + "\n" + checkpoint.string
  }

  /// Reads what `text` writes; nothing is verified.
  public init(parsing bytes: [UInt8]) throws(RangeProofRefusal) {
    guard bytes.count <= Self.byteLimit,
      let end = bytes.indices.dropLast().first(where: {
        bytes[$0] == 0x0A && bytes[$0 + 1] == 0x0A
      })
    else { throw .malformed }
    var lines = bytes[..<end].split(separator: 0x0A, omittingEmptySubsequences: false)[...]
    guard lines.popFirst()?.elementsEqual(Self.firstLine.utf8) == true else { throw .notAProof }
    guard let first = Self.value(of: "first ", in: lines.popFirst()),
      let size = Decimal.canonical(first),
      let text = Self.value(of: "before ", in: lines.popFirst()),
      let frontierBytes = Base64.decode(text),
      let before = try? MerkleFrontier(bytes: frontierBytes), before.size.count == size
    else { throw .malformed }
    var after: [Digest256] = []
    for line in lines {
      guard let text = Self.value(of: "after ", in: line),
        let hash = Digest256(base64: String(decoding: text, as: UTF8.self))
      else { throw .malformed }
      after.append(hash)
    }
    do {
      let note = try SignedNote(parsing: Array(bytes[(end + 2)...]))
      self.init(before: before, after: after, checkpoint: note)
    } catch {
      throw .checkpoint(.note(error))
    }
  }

  private static func value(of name: String, in line: ArraySlice<UInt8>?) -> ArraySlice<UInt8>? {
    guard let line, line.starts(with: name.utf8) else { return nil }
    return line.dropFirst(name.utf8.count)
  }
}

extension RangeProof {
  /// What the checkpoint says, once one of `keys` has signed it for this log and the tree before the entries,
  /// with their hashes behind it, is what the signed tree begins with.
  public func verify(
    leaves: some Sequence<Digest256>, origin: String, keys: [VerifyingKey]
  ) throws(RangeProofRefusal) -> Checkpoint {
    let statement: Checkpoint
    do {
      statement = try SignedCheckpoint(verifying: checkpoint, origin: origin, keys: keys).checkpoint
    } catch {
      throw .checkpoint(error)
    }
    var hasher = TreeHasher()
    var frontier = before
    for leaf in leaves { frontier.append(leaf, using: &hasher) }
    let proof = ConsistencyProof(
      oldSize: frontier.size, newSize: statement.size, path: after)
    do {
      try proof.verify(
        oldRoot: frontier.root(using: &hasher), newRoot: statement.root, using: &hasher)
    } catch {
      throw .proof(error)
    }
    return statement
  }
}

/// Why something is not a proof of a range, or proves nothing.
public enum RangeProofRefusal: Error, Hashable, Sendable {
  /// It does not begin with the line of such proofs.
  case notAProof
  /// A line is not what it should be.
  case malformed
  case checkpoint(CheckpointRefusal)
  case proof(ProofRefusal)
}

extension RangeProofRefusal: CustomStringConvertible {
  public var description: String {
    switch self {
    case .notAProof: "the text does not begin with the line quotalog-range-proof 1"
    case .malformed: "the proof is not what `quotalog export --proof` writes"
    case .checkpoint(let refusal): refusal.description
    case .proof(.wrongLength), .proof(.sizesInWrongOrder):
      "the proof is about another number of events"
    case .proof(.noSuchLeaf), .proof(.rootDiffers), .proof(.oldRootDiffers):
      "the events are not those that were signed for"
    }
  }
}
