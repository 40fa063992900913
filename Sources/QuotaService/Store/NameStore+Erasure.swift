internal import QuotaModel

/// What was said in a session is erased when its deletion is in the log. A mark is stored before, so
/// that a crash in between leaves nothing behind for good.
extension NameStore {
  /// Marks lie among the texts, under a session that cannot be: positions begin with 1.
  private static let marks = SessionRef(.zero)

  /// Says that a session's texts are to be erased once its deletion is in the log.
  static func mark(of session: SessionRef) -> SessionText {
    SessionText(session: marks, position: session.position, bytes: [1])
  }

  /// Erases the texts of the marked sessions that are deleted, and forgets the marks.
  func erase(
    where isDeleted: (SessionRef) throws(StoreFailure) -> Bool
  ) throws(StoreFailure) {
    let marked = try positionsOfTexts(of: Self.marks)
    if marked.isEmpty { return }
    for position in marked where try isDeleted(SessionRef(position)) {
      try eraseTexts(of: SessionRef(position))
    }
    try eraseTexts(of: Self.marks)
  }
}
