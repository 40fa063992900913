internal import CCurl

/// What a request passes on its way out: each address that it would connect to, and the connection, new
/// or kept, that it is about to go over.
extension Transfer {
  func setGates(of easy: EasyHandle) throws(HTTPClientFailure) {
    unsafe try easy.setGates(
      context: self,
      open: { context, _, address in
        guard let context = unsafe context, let address = unsafe address else {
          return CURL_SOCKET_BAD
        }
        let transfer = unsafe Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
        return unsafe transfer.open(address)
      },
      ready: { context, address, _, port, _ in
        guard let context = unsafe context, let address = unsafe address else { return 1 }
        let transfer = unsafe Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
        return transfer.begin(at: unsafe String(cString: address), UInt16(clamping: port)) ? 0 : 1
      })
  }

  /// A socket for an address, or none: then nobody there notices anything.
  private func open(_ address: UnsafePointer<curl_sockaddr>) -> curl_socket_t {
    var bytes = [UInt8](repeating: 0, count: 16)
    var port: UInt16 = 0
    let count = unsafe ccurl_get_address(address, &bytes, &port)
    guard isAllowed(NetworkAddress(bytes.prefix(Int(count))), port) else {
      noteForbidden()
      return CURL_SOCKET_BAD
    }
    noteOpened()
    return unsafe ccurl_open_socket(address)
  }

  /// Whether the request may go out; kept connections may be another's, who may go elsewhere.
  private func begin(at address: String, _ port: UInt16) -> Bool {
    guard isAllowed(NetworkAddress(address), port) else {
      refuseConnection()
      return false
    }
    noteSent()
    return true
  }

  private func isAllowed(_ address: NetworkAddress?, _ port: UInt16) -> Bool {
    guard let destination else { return true }
    guard let address else { return false }
    return destination.rules.allow(address, host: destination.host, port: port)
  }
}
