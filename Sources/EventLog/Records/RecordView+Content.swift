internal import LMDB
internal import QuotaModel

extension RecordView {
  /// Throws where `event()` does, without making the event where that is what costs: texts of a spend
  /// are looked at where they lie.
  public func checkContent() throws(RecordDamage) {
    guard try isPlainSpend() else {
      _ = try event()
      return
    }
  }

  /// Whether it is a spend with nothing wrong, and only ASCII in its texts. Others are for `event()`.
  private func isPlainSpend() throws(RecordDamage) -> Bool {
    guard kind == .tokensSpent,
      bytes.isPlainText(requestIDRange, upTo: RequestID.maximumByteCount),
      bytes.isPlainText(reasonRange, upTo: Reason.maximumByteCount)
    else { return false }
    var body = bodyReader()
    _ = try body.user()
    let parts = try body.spendParts()
    _ = try body.usage(parts)
    let model = parts.contains(.model) ? try body.textRange() : nil
    return body.isAtEnd && bytes.isPlainText(model, upTo: ModelName.maximumByteCount)
  }
}

extension RawSpan {
  /// Whether a text that may be there has a length that it may have, and ASCII characters only, none of
  /// which is a control character.
  fileprivate func isPlainText(_ range: Range<Int>?, upTo maximum: Int) -> Bool {
    guard let range else { return true }
    guard !range.isEmpty, range.count <= maximum else { return false }
    var oddCount = 0
    // No early end: so the compiler looks at many bytes at once.
    for offset in range where byte(at: offset) &- 0x20 >= 0x5F { oddCount += 1 }
    return oddCount == 0
  }
}
