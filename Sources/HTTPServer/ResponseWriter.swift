/// Writes answers as HTTP/1.1 has them.
struct ResponseWriter {
  private var date = DateLine()

  /// Appends the answer; `closes` says that no other will follow on its connection.
  mutating func append(
    _ response: HTTPResponse, to request: AnswerQueue.Pending, closes: Bool,
    into output: inout [UInt8]
  ) {
    appendFields(of: response, to: &output)
    if response.mayHaveBody {
      output.append(contentsOf: "Content-Length: ".utf8)
      output.appendDecimal(response.body.count)
      output.appendLineEnd()
    }
    appendPersistence(request, closes: closes, to: &output)
    output.appendLineEnd()
    if !request.isHead, response.mayHaveBody { output.append(contentsOf: response.body) }
  }

  /// Appends the head of an answer whose body follows in pieces: chunks, or until the connection
  /// closes for a client that knows none.
  mutating func appendHead(
    _ response: HTTPResponse, to request: AnswerQueue.Pending, closes: Bool,
    into output: inout [UInt8]
  ) {
    appendFields(of: response, to: &output)
    if response.mayHaveBody, !request.isOldVersion {
      output.append(contentsOf: "Transfer-Encoding: chunked\r\n".utf8)
    }
    appendPersistence(request, closes: closes, to: &output)
    output.appendLineEnd()
  }

  private mutating func appendFields(of response: HTTPResponse, to output: inout [UInt8]) {
    precondition((200...999).contains(response.status), "a final status has to be 200 to 999")
    output.append(contentsOf: "HTTP/1.1 ".utf8)
    output.appendDecimal(response.status)
    output.append(.space)
    output.append(contentsOf: ReasonPhrase.of(response.status).utf8)
    output.appendLineEnd()
    let hasDate = appendFields(response.headers, to: &output)
    if !hasDate { date.append(to: &output) }
  }

  private func appendPersistence(
    _ request: AnswerQueue.Pending, closes: Bool, to output: inout [UInt8]
  ) {
    if closes {
      output.append(contentsOf: "Connection: close\r\n".utf8)
    } else if request.isOldVersion {
      output.append(contentsOf: "Connection: keep-alive\r\n".utf8)
    }
  }

  /// Appends the handler's fields but those that are the server's to say; true if one is the date.
  private func appendFields(
    _ fields: [(name: String, value: String)], to output: inout [UInt8]
  ) -> Bool {
    var hasDate = false
    for (name, value) in fields {
      switch ServerField(name) {
      case .contentLength, .transferEncoding, .connection: continue
      case .date: hasDate = true
      case nil: break
      }
      output.appendFieldText(name)
      output.append(contentsOf: ": ".utf8)
      output.appendFieldText(value)
      output.appendLineEnd()
    }
    return hasDate
  }
}

/// The fields of an answer that the server has a say in.
enum ServerField {
  case contentLength, transferEncoding, connection, date

  init?(_ name: String) {
    switch name.utf8.count {
    case 4 where name.utf8.equalsIgnoringCase("date"): self = .date
    case 10 where name.utf8.equalsIgnoringCase("connection"): self = .connection
    case 14 where name.utf8.equalsIgnoringCase("content-length"): self = .contentLength
    case 17 where name.utf8.equalsIgnoringCase("transfer-encoding"): self = .transferEncoding
    default: return nil
    }
  }
}

extension HTTPResponse {
  /// Whether the status goes with a body (RFC 9110, section 6.4.1).
  var mayHaveBody: Bool { status != 204 && status != 304 }

  /// Whether the handler wants the connection closed behind it.
  var closesConnection: Bool {
    headers.contains { name, value in
      ServerField(name) == .connection && value.utf8.equalsIgnoringCase("close")
    }
  }
}

extension [UInt8] {
  mutating func appendLineEnd() {
    append(.carriageReturn)
    append(.lineFeed)
  }

  /// Appends text in which nothing can end the line: a value must not become two fields.
  mutating func appendFieldText(_ text: String) {
    let start = count
    append(contentsOf: text.utf8)
    for index in start..<count where !self[index].isFieldContent { self[index] = .space }
  }

  /// Appends a number that is not negative, in at least `width` digits.
  mutating func appendDecimal(_ number: Int, width: Int = 1) {
    let start = count
    var rest = number
    while rest > 0 || count - start < width {
      append(UInt8(ascii: "0") + UInt8(rest % 10))
      rest /= 10
    }
    self[start...].reverse()
  }
}
