internal import CCurl

/// libcurl's side of one request; released, it is freed, and must have left its multi handle before.
@safe final class EasyHandle {
  /// Which handle a message from libcurl is about.
  struct ID: Hashable {
    private let bits: UInt
    init(_ pointer: UnsafeMutableRawPointer) { bits = UInt(bitPattern: pointer) }
  }

  let pointer: UnsafeMutableRawPointer
  var id: ID { unsafe ID(pointer) }
  private var lines: UnsafeMutablePointer<curl_slist>?

  init() throws(HTTPClientFailure) {
    guard let pointer = unsafe curl_easy_init() else { throw .outOfMemory }
    unsafe self.pointer = pointer
  }

  deinit {
    unsafe curl_easy_cleanup(pointer)
    unsafe curl_slist_free_all(lines)
  }

  func set(_ option: CURLoption, _ value: Int) throws(HTTPClientFailure) {
    try check(unsafe ccurl_set_long(pointer, option, value))
  }

  /// libcurl keeps a copy.
  func set(_ option: CURLoption, _ text: String) throws(HTTPClientFailure) {
    try check(unsafe text.withCString { unsafe ccurl_set_pointer(pointer, option, $0) })
  }

  /// libcurl keeps a copy.
  func setBody(_ body: [UInt8]) throws(HTTPClientFailure) {
    try check(
      unsafe ccurl_set_offset(pointer, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(body.count)))
    // A body of no bytes has no address, and without one libcurl would ask for the body.
    let code = unsafe (body.isEmpty ? [0] : body).withUnsafeBytes { bytes in
      unsafe ccurl_set_pointer(pointer, CURLOPT_COPYPOSTFIELDS, bytes.baseAddress)
    }
    try check(code)
  }

  func setHeaders(_ headers: [String]) throws(HTTPClientFailure) {
    for header in headers {
      guard let longer = unsafe curl_slist_append(lines, header) else { throw .outOfMemory }
      unsafe lines = longer
    }
    try check(unsafe ccurl_set_pointer(pointer, CURLOPT_HTTPHEADER, lines))
  }

  /// Has head lines or body bytes go to `receiver`; `context` reaches it unretained.
  func setReceiver(
    function: CURLoption, data: CURLoption, context: AnyObject,
    _ receiver: @escaping curl_write_callback
  ) throws(HTTPClientFailure) {
    let context = unsafe Unmanaged.passUnretained(context).toOpaque()
    try check(unsafe ccurl_set_pointer(pointer, data, context))
    try check(unsafe ccurl_set_receiver(pointer, function, receiver))
  }

  /// `context` reaches both unretained.
  func setGates(
    context: AnyObject, open: @escaping curl_opensocket_callback,
    ready: @escaping curl_prereq_callback
  ) throws(HTTPClientFailure) {
    let context = unsafe Unmanaged.passUnretained(context).toOpaque()
    try check(unsafe ccurl_set_gates(pointer, open, ready, context))
  }

  /// How many bytes of the request's body have gone out.
  var sentBodyBytes: Int64 {
    var count: curl_off_t = 0
    _ = unsafe ccurl_get_offset(pointer, CURLINFO_SIZE_UPLOAD_T, &count)
    return Int64(count)
  }

  private func check(_ code: CURLcode) throws(HTTPClientFailure) {
    if let failure = HTTPClientFailure(code) { throw failure }
  }
}
