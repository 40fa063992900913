internal import CCrypto

/// Hashes leaves and nodes as RFC 6962, section 2.1 says.
///
/// It owns a context of OpenSSL that every hash uses again, which is why it cannot be copied and
/// hashing changes it: making a context and looking the algorithm up cost more than hashing.
@safe
public struct TreeHasher: ~Copyable, @unchecked Sendable {
  // Nobody else has the pointer, and hashing takes exclusive access to the hasher: it may move to
  // another thread, but two can never use it at once.
  private let context: OpaquePointer
  /// What a node is hashed from: the prefix, the left and the right digest.
  private var pair = InlineArray<65, UInt8>(repeating: 1)

  public init() {
    guard let context = unsafe EVP_MD_CTX_new() else {
      preconditionFailure("OpenSSL has no memory for a hash")
    }
    let isReady = unsafe EVP_DigestInit_ex(context, sha256.pointer, nil) == 1
    precondition(isReady, "OpenSSL cannot compute SHA-256")
    unsafe self.context = context
  }

  deinit { unsafe EVP_MD_CTX_free(context) }

  /// SHA-256(0x00 ‖ record).
  public mutating func leaf(_ record: RawSpan) -> Digest256 {
    begin()
    var prefix: UInt8 = 0
    let isTaken = unsafe EVP_DigestUpdate(context, &prefix, 1) == 1
    precondition(isTaken, "OpenSSL cannot compute SHA-256")
    update(record)
    return finish()
  }

  /// SHA-256(0x01 ‖ left ‖ right).
  public mutating func node(_ left: Digest256, _ right: Digest256) -> Digest256 {
    var bytes = pair.mutableSpan
    left.write(to: &bytes, at: 1)
    right.write(to: &bytes, at: 33)
    begin()
    unsafe update(pair.span.bytes)
    return finish()
  }

  /// SHA-256 of the bytes as they are.
  mutating func plain(_ bytes: RawSpan) -> Digest256 {
    begin()
    update(bytes)
    return finish()
  }

  private func begin() {
    let isReady = unsafe EVP_DigestInit_ex(context, nil, nil) == 1
    precondition(isReady, "OpenSSL cannot compute SHA-256")
  }

  private func update(_ bytes: RawSpan) {
    let isTaken = unsafe bytes.withUnsafeBytes { (bytes) in
      unsafe EVP_DigestUpdate(context, bytes.baseAddress, bytes.count) == 1
    }
    precondition(isTaken, "OpenSSL cannot compute SHA-256")
  }

  private func finish() -> Digest256 {
    var bytes = InlineArray<32, UInt8>(repeating: 0)
    var span = bytes.mutableSpan
    let isDone = unsafe span.withUnsafeMutableBufferPointer { (output) in
      unsafe EVP_DigestFinal_ex(context, output.baseAddress, nil) == 1
    }
    precondition(isDone, "OpenSSL cannot compute SHA-256")
    return Digest256(in: bytes.span, at: 0)
  }
}

/// Fetched once: looking an algorithm up costs more than hashing a record.
private let sha256 = FetchedDigest()

/// An algorithm of OpenSSL; immutable after it was fetched.
@safe
private struct FetchedDigest: @unchecked Sendable {
  let pointer: OpaquePointer?

  init() { unsafe pointer = EVP_MD_fetch(nil, "SHA256", nil) }
}
