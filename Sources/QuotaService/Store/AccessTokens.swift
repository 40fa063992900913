internal import CCrypto
public import QuotaModel

/// A new access token: 256 random bits in hexadecimal, to be shown once.
public struct NewToken: Sendable {
  public let text: String
  public let id: TokenID
  public let digest: TokenDigest

  public init() {
    let words = (0..<4).map { _ in System.randomWord() }
    let text = TokenDigest((words[0], words[1], words[2], words[3])).description
    self.init(existing: text)
  }

  /// A token that exists elsewhere already, such as one of Waldur's.
  public init(existing text: String) {
    self.text = text
    id = TokenID(System.randomWord())
    digest = Digester.digest(of: text)
  }

  /// Whether `text` can be a token: 16 to 255 visible ASCII characters.
  public static func isAcceptable(_ text: String) -> Bool {
    (16...255).contains(text.utf8.count) && text.utf8.allSatisfy { (0x21...0x7E).contains($0) }
  }
}

/// SHA-256 of access tokens.
public enum Digester {
  public static func digest(of text: String) -> TokenDigest {
    let context = unsafe EVP_MD_CTX_new()
    defer { unsafe EVP_MD_CTX_free(context) }
    var bytes = InlineArray<32, UInt8>(repeating: 0)
    var text = text
    let isDone = text.withUTF8 { (input) in
      var output = bytes.mutableSpan
      return unsafe output.withUnsafeMutableBufferPointer { (output) in
        unsafe EVP_DigestInit_ex(context, sha256.pointer, nil) == 1
          && EVP_DigestUpdate(context, input.baseAddress, input.count) == 1
          && EVP_DigestFinal_ex(context, output.baseAddress, nil) == 1
      }
    }
    precondition(isDone, "OpenSSL cannot compute SHA-256")
    return TokenDigest((word(bytes, 0), word(bytes, 8), word(bytes, 16), word(bytes, 24)))
  }

  private static func word(_ bytes: InlineArray<32, UInt8>, _ start: Int) -> UInt64 {
    (start..<start + 8).reduce(0) { $0 << 8 | UInt64(bytes[$1]) }
  }

  /// Fetched once: looking an algorithm up costs more than hashing a token.
  private static let sha256 = FetchedDigest()
}

/// An algorithm of OpenSSL; immutable after it was fetched.
@safe
private struct FetchedDigest: @unchecked Sendable {
  let pointer: OpaquePointer?

  init() { unsafe pointer = EVP_MD_fetch(nil, "SHA256", nil) }
}
