internal import HTTPServer

/// Where streams are written to, so that they can be tried without a socket.
protocol StreamOutlet: AnyObject {
  @discardableResult
  func write(_ piece: [UInt8], to handle: StreamHandle) -> Bool
  func end(_ handle: StreamHandle)
  func notifyWhenSent(_ handle: StreamHandle)
  func pendingBytes(_ handle: StreamHandle) -> Int
}

extension HTTPServer: StreamOutlet {}
