import EventLoop

/// How many connections there can be.
struct ConnectionCapacity {
  /// Descriptors left to the rest of the process.
  private static let reserve = 64
  /// Connections beyond those served that are told so; still further ones are just closed.
  private static let refused = 64

  /// Connections that are served.
  let served: Int
  /// Connections that are held open, counting those that are refused.
  let total: Int

  /// As many as are wanted, but no more than the process may open descriptors.
  init(wanted: Int) {
    let possible = OpenFiles.limit - Self.reserve - Self.refused
    served = max(1, min(wanted, possible))
    total = served + Self.refused
  }
}
