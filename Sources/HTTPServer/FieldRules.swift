/// The header fields that decide where a request ends and whom it is for (RFC 9112, sections 3.2
/// and 6; RFC 9110, section 10.1.1), checked together in one pass.
///
/// Everything that two servers in a row could read differently is refused.
struct FieldRules {
  private(set) var framing = RequestHead.Framing.length(0)
  private(set) var expectsContinue = false

  private let text: [UInt8]
  private var hostCount = 0
  private var lengthCount = 0
  private var codings: [Range<Int>] = []
  private var expectation: Range<Int>?

  /// Trims the values of `head` and, given the authority of an absolute target, puts it into `Host`.
  init(_ text: [UInt8], _ head: inout ParsedHead, authority: Range<Int>?) throws(Refusal) {
    self.text = text
    if let authority { try checkHost(authority, mayBeEmpty: false) }
    for index in head.fields.indices {
      head.fields[index].value = trimmed(head.fields[index].value)
      let field = head.fields[index]
      try note(field)
      if let authority, isNamed(field, "host") { head.fields[index].value = authority }
    }
    try checkHostCount(minorVersion: head.minorVersion)
    try decideFraming(head)
    try decideExpectation(head)
  }

  private mutating func note(_ field: HTTPHeaders.Field) throws(Refusal) {
    // Only names of these lengths matter: most fields are done with here.
    switch field.name.count {
    case 4 where isNamed(field, "host"):
      hostCount += 1
      try checkHost(field.value, mayBeEmpty: true)
    case 6 where isNamed(field, "expect"):
      if expectation != nil { throw .expectationUnknown }
      expectation = field.value
    case 14 where isNamed(field, "content-length"):
      lengthCount += 1
      guard !field.value.isEmpty, text[field.value].allSatisfy(\.isDigit) else {
        throw .malformed("its length is not certain")
      }
    case 17 where isNamed(field, "transfer-encoding"):
      codings.append(field.value)
    default: break
    }
  }

  private func checkHostCount(minorVersion: Int) throws(Refusal) {
    if hostCount > 1 { throw .malformed("more than one Host") }
    if hostCount == 0, minorVersion > 0 { throw .malformed("no Host") }
  }

  /// A host and perhaps a port; in particular no list, no user and no path.
  private func checkHost(_ value: Range<Int>, mayBeEmpty: Bool) throws(Refusal) {
    guard text[value].allSatisfy(\.isHostCharacter), mayBeEmpty || !value.isEmpty else {
      throw .malformed("not a host")
    }
  }

  private mutating func decideFraming(_ head: ParsedHead) throws(Refusal) {
    guard let last = codings.last else {
      if lengthCount > 1 { throw .malformed("more than one Content-Length") }
      guard lengthCount == 1, let length = head.contentLength else { return }
      guard let length = Int(exactly: length) else { throw .bodyTooLarge }
      framing = .length(length)
      return
    }
    if lengthCount > 0 { throw .malformed("both Content-Length and Transfer-Encoding") }
    if head.minorVersion == 0 { throw .malformed("Transfer-Encoding in HTTP/1.0") }
    guard codings.count == 1, text[last].equalsIgnoringCase("chunked") else {
      throw endsInChunked(last)
        ? .notImplemented("this transfer coding")
        : .malformed("its transfer coding does not end it")
    }
    framing = .chunked
  }

  private func endsInChunked(_ value: Range<Int>) -> Bool {
    let codings = text[value].split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
    guard let last = codings.last else { return false }
    return text[trimmed(last.startIndex..<last.endIndex)].equalsIgnoringCase("chunked")
  }

  private mutating func decideExpectation(_ head: ParsedHead) throws(Refusal) {
    guard let expectation, head.minorVersion > 0 else { return }
    guard text[expectation].equalsIgnoringCase("100-continue") else { throw .expectationUnknown }
    expectsContinue = framing != .length(0)
  }

  /// Whether the field has this name, which is given in small letters.
  private func isNamed(_ field: HTTPHeaders.Field, _ name: StaticString) -> Bool {
    HTTPHeaders.matches(text, field, name)
  }

  private func trimmed(_ range: Range<Int>) -> Range<Int> {
    var (start, end) = (range.lowerBound, range.upperBound)
    while start < end, text[start].isBlank { start += 1 }
    while start < end, text[end - 1].isBlank { end -= 1 }
    return start..<end
  }
}
