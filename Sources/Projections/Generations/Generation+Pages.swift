internal import LMDB

extension Generation {
  /// Checks that the pages of the generation at `path` are what LMDB takes them for, without opening
  /// it; answers how many are in use.
  public static func checkPages(
    at path: String, progress: ((UInt64, UInt64) -> Void)? = nil
  ) throws(ProjectionFailure) -> UInt64 {
    do throws(PageCheckFailure) {
      return try PageCheck.run(directory: path, progress: progress).reachedPageCount
    } catch {
      switch error {
      case .damaged(let damage): throw .pageDamaged(path: path, damage.description)
      case .unreadable(let error): throw ProjectionFailure(error, path: path)
      case .busy: throw .other("\(path) is being written by this process")
      }
    }
  }
}
