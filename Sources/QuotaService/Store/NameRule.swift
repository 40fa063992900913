internal import CUTF8Proc
internal import Glibc
internal import QuotaModel

/// What holds for a name that is given from now on. Names that are stored already stay as they are, and so do
/// those that an import brings.
enum NameRule {
  /// The name as it is registered: in the composed form (NFC), so that what looks the same is the same,
  /// without characters that nobody sees.
  static func registered(_ name: UserName) throws(TextRule) -> UserName {
    try checkVisible(name.description)
    return try UserName(composed(name.description))
  }

  /// The composed form of a text (Unicode Standard Annex 15, NFC).
  static func composed(_ text: String) -> String {
    // All of ASCII is composed.
    if text.utf8.allSatisfy({ $0 < 0x80 }) { return text }
    let bytes = Array(text.utf8)
    var composed: UnsafeMutablePointer<UInt8>?
    let options = UTF8PROC_STABLE.rawValue | UTF8PROC_COMPOSE.rawValue
    let count = unsafe utf8proc_map(
      bytes, utf8proc_ssize_t(bytes.count), &composed, utf8proc_option_t(options))
    guard let result = unsafe composed else { return text }
    defer { unsafe free(result) }
    guard count >= 0 else { return text }
    return unsafe String(
      decoding: UnsafeBufferPointer(start: result, count: count), as: UTF8.self)
  }
}
