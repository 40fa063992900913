/// Something that an examination of a data directory found.
public struct DoctorFinding: Hashable, Sendable {
  public enum Severity: String, Sendable {
    /// As it should be.
    case fine
    /// Nothing is wrong; somebody may want to know.
    case note
    /// It works, and should be seen to.
    case warning
    /// Something is broken, or will not start.
    case failure
  }

  public let severity: Severity
  /// Which part of the directory.
  public let part: String
  public let text: String
  /// What would help; nil where nothing has to be done.
  public let remedy: String?

  static func fine(_ part: String, _ text: String) -> DoctorFinding {
    DoctorFinding(severity: .fine, part: part, text: text, remedy: nil)
  }

  static func note(_ part: String, _ text: String, _ remedy: String? = nil) -> DoctorFinding {
    DoctorFinding(severity: .note, part: part, text: text, remedy: remedy)
  }

  static func warning(_ part: String, _ text: String, _ remedy: String) -> DoctorFinding {
    DoctorFinding(severity: .warning, part: part, text: text, remedy: remedy)
  }

  static func failure(_ part: String, _ text: String, _ remedy: String) -> DoctorFinding {
    DoctorFinding(severity: .failure, part: part, text: text, remedy: remedy)
  }
}
