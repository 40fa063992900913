/// A statement about a log, signed.
public struct SignedCheckpoint: Hashable, Sendable {
  public let checkpoint: Checkpoint
  public let note: SignedNote
  /// Which of the keys that were known have signed it.
  public let signers: [VerifyingKey]
}

extension SignedCheckpoint {
  public init(_ checkpoint: Checkpoint, signedBy key: SigningKey) throws(CheckpointRefusal) {
    (self.checkpoint, note) = (checkpoint, try checkpoint.signed(by: key))
    signers = [key.verifyingKey]
  }

  /// What the note says, once one of `keys` has signed it and it speaks about the log that is called
  /// `origin`; nil: about any.
  public init(
    verifying note: SignedNote, origin: String?, keys: [VerifyingKey]
  ) throws(CheckpointRefusal) {
    do { signers = try note.verify(with: keys) } catch { throw .note(error) }
    checkpoint = try Checkpoint(text: note.text.string)
    self.note = note
    guard origin.map({ checkpoint.origin.utf8.elementsEqual($0.utf8) }) ?? true else {
      throw .otherLog(origin: checkpoint.origin)
    }
  }

  public init(
    verifying bytes: [UInt8], origin: String?, keys: [VerifyingKey]
  ) throws(CheckpointRefusal) {
    let note: SignedNote
    do { note = try SignedNote(parsing: bytes) } catch { throw .note(error) }
    try self.init(verifying: note, origin: origin, keys: keys)
  }
}
