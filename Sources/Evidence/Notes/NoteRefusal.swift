/// Why bytes are not a note, or not one that a known key signed.
public enum NoteRefusal: Error, Hashable, Sendable {
  case tooLong(byteCount: Int)
  case notUTF8
  /// A control character that is no newline.
  case controlCharacter
  /// There is no empty line with signatures behind it, or the last line does not end.
  case malformed
  /// The signature at this place, counted from 1, is no line of dash, name and base64.
  case malformedSignature(Int)
  case tooManySignatures
  /// Two known keys have this name and the same id.
  case ambiguousKey(KeyName, KeyID)
  /// A known key is said to have signed, and has not signed this text.
  case wrongSignature(KeyName, KeyID)
  /// No known key signed.
  case unknownKeys
}

extension NoteRefusal: CustomStringConvertible {
  public var description: String {
    switch self {
    case .tooLong(let byteCount): "the note has \(byteCount) bytes, which is too long"
    case .notUTF8: "the note is not UTF-8"
    case .controlCharacter: "the note has a control character"
    case .malformed: "the note has no signatures behind an empty line"
    case .malformedSignature(let place): "signature \(place) of the note is malformed"
    case .tooManySignatures: "the note has too many signatures"
    case .ambiguousKey(let name, let id): "two known keys are called \(name)+\(id)"
    case .wrongSignature(let name, let id): "\(name)+\(id) has not signed this text"
    case .unknownKeys: "no known key signed the note"
    }
  }
}
