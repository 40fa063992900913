internal import LMDB
public import QuotaModel

extension RecordView {
  /// What happened, read from the body.
  public func fact() throws(RecordDamage) -> Fact {
    var body = bodyReader()
    return try body.fact(of: kind)
  }

  /// The user whom the fact concerns, without reading the rest: who is concerned stands first.
  public func user() throws(RecordDamage) -> UserID? {
    var body = bodyReader()
    try body.beginScope()
    switch kind.userMember {
    case .never: return nil
    case .always: return try body.user()
    case .perhaps: return body.nextBit() ? try body.user() : nil
    }
  }

  /// User and total of a spend, without the rest; only for `tokensSpent`.
  public func spentTokens() throws(RecordDamage) -> (user: UserID, total: TokenCount) {
    var body = bodyReader()
    try body.beginScope()
    return (try body.user(), try TokenCount.describe(nil, to: &body))
  }

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
    try body.beginScope()
    _ = try body.user()
    _ = try TokenUsage.describe(nil, to: &body)
    let model = try body.begin(optional: "model", isThere: nil) ? try body.textRange() : nil
    try body.endScope()
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
