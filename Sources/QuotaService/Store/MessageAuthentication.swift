internal import CCrypto

/// HMAC with SHA-256 (RFC 2104): shows that whoever sent a message knows the key.
public enum MessageAuthentication {
  public static func code(of message: [UInt8], key: [UInt8]) -> [UInt8] {
    var code = [UInt8](repeating: 0, count: 32)
    let isDone = unsafe code.withUnsafeMutableBufferPointer { (code) in
      unsafe EVP_Q_mac(
        nil, "HMAC", nil, "SHA256", nil, key, key.count, message, message.count,
        code.baseAddress, code.count, nil) != nil
    }
    precondition(isDone, "OpenSSL cannot compute HMAC-SHA256")
    return code
  }
}
