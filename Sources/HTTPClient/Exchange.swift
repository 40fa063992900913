/// A request under way. It goes on whether or not anybody holds this.
public final class Exchange {
  private let transfer: Transfer

  init(_ transfer: Transfer) { self.transfer = transfer }

  /// Whether the request has gone out, or begun to: from then on the server may have served it.
  public var isSent: Bool { transfer.isSent }

  /// Gives the request up at once, also from within its own events; no event comes afterwards.
  ///
  /// Harmless when it has already ended. The connection is closed if the answer was still to come.
  public func cancel() { transfer.cancel() }
}
