internal import CCrypto

/// A key pair of Ed25519 (RFC 8032), kept by OpenSSL, which wipes it at the end.
@safe
final class Ed25519: @unchecked Sendable {
  // OpenSSL counts the references to a key with atomics and never changes one that is made.
  private let key: OpaquePointer

  static let keyByteCount = 32
  static let signatureByteCount = 64

  init?(seed: [UInt8]) {
    guard seed.count == Self.keyByteCount else { return nil }
    let key = unsafe EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nil, seed, seed.count)
    guard let key = unsafe key else { preconditionFailure("OpenSSL has no Ed25519") }
    unsafe self.key = key
  }

  deinit { unsafe EVP_PKEY_free(key) }

  var publicKey: [UInt8] {
    unsafe Self.output(Self.keyByteCount) { (bytes, count) in
      unsafe EVP_PKEY_get_raw_public_key(key, bytes, &count)
    }
  }

  var seed: [UInt8] {
    unsafe Self.output(Self.keyByteCount) { (bytes, count) in
      unsafe EVP_PKEY_get_raw_private_key(key, bytes, &count)
    }
  }

  func sign(_ message: [UInt8]) -> [UInt8] {
    let context = unsafe EVP_MD_CTX_new()
    defer { unsafe EVP_MD_CTX_free(context) }
    let isReady = unsafe EVP_DigestSignInit(context, nil, nil, nil, key) == 1
    precondition(isReady, "OpenSSL cannot sign")
    return unsafe Self.output(Self.signatureByteCount) { (bytes, count) in
      unsafe EVP_DigestSign(context, bytes, &count, message, message.count)
    }
  }

  static func isValid(_ signature: [UInt8], of message: [UInt8], publicKey: [UInt8]) -> Bool {
    guard signature.count == signatureByteCount, publicKey.count == keyByteCount else {
      return false
    }
    let key = unsafe EVP_PKEY_new_raw_public_key(
      EVP_PKEY_ED25519, nil, publicKey, publicKey.count)
    let context = unsafe EVP_MD_CTX_new()
    defer {
      unsafe EVP_MD_CTX_free(context)
      unsafe EVP_PKEY_free(key)
    }
    let isValid =
      unsafe EVP_DigestVerifyInit(context, nil, nil, nil, key) == 1
      && EVP_DigestVerify(context, signature, signature.count, message, message.count) == 1
    // What OpenSSL says about a refusal would stay with this thread for whoever asks next.
    if !isValid { ERR_clear_error() }
    return isValid
  }

  /// What `write` puts into `count` bytes and returns 1 for.
  private static func output(
    _ count: Int, _ write: (UnsafeMutablePointer<UInt8>?, inout Int) -> CInt
  ) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    var written = count
    let isDone = unsafe bytes.withUnsafeMutableBufferPointer { (bytes) in
      unsafe write(bytes.baseAddress, &written) == 1
    }
    precondition(isDone && written == count, "OpenSSL cannot use its own key")
    return bytes
  }
}
