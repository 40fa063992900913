internal import JSON

/// Reads the answer to a ``ChatRequest`` as its bytes come, however they are cut.
///
/// Whether it is one JSON object or a stream of events is seen from the answer, not from what was
/// asked for. Nothing that a server can send makes it fail otherwise than by a ``ChatFailure``.
public final class ChatAnswerReader {
  private enum Form {
    case unknown, whole, events, error
    /// Nothing more is taken.
    case ended
  }

  private let status: Int
  private let saysEvents: Bool
  private let maximumBytes: Int
  private let parser = JSONParser()

  private var form = Form.unknown
  private var count = 0
  private var body: [UInt8] = []
  private var events = EventStreamReader()
  private var builder = AnswerBuilder()

  /// - Parameters:
  ///   - contentType: the field's value as it came.
  ///   - maximumBytes: of the whole answer; one that is longer is a failure.
  public init(status: Int, contentType: String?, maximumBytes: Int = 33_554_432) {
    self.status = status
    self.maximumBytes = maximumBytes
    let type = contentType?.lowercased().prefix { $0 != ";" && $0 != " " } ?? ""
    saysEvents = type == "text/event-stream"
    if !(200..<300).contains(status) { form = .error }
  }

  /// Takes the next bytes and yields the text that they complete, if the answer is streamed.
  ///
  /// The text of the result is the rule: that of an answer in one piece is only there.
  @discardableResult
  public func read(_ bytes: [UInt8]) -> String {
    let room = maximumBytes - count
    let isTooLarge = bytes.count > room
    let taken = isTooLarge ? Array(bytes.prefix(room)) : bytes
    count += taken.count
    let text = form == .unknown ? begin(with: taken) : take(taken)
    if isTooLarge { endTooLarge() }
    return text
  }

  /// What the answer was, now that it has ended, by itself or broken off; called once.
  public func finish() -> Result<ChatAnswer, ChatFailure> {
    switch form {
    case .error: noteError()
    case .whole: addWhole()
    case .events: addRest()
    case .unknown, .ended: break
    }
    if !builder.isFinished { builder.note(.cutShort, "The answer ended before it was complete.") }
    guard let fault = builder.fault else { return .success(builder.answer) }
    return .failure(
      ChatFailure(
        fault.reason, status: status, message: fault.message, partial: builder.answer))
  }
}

extension ChatAnswerReader {
  /// Space and a byte order mark before the first byte that counts mean nothing in either form.
  private func begin(with bytes: [UInt8]) -> String {
    let rest = bytes.drop { " \t\r\n\u{FEFF}".utf8.contains($0) }
    guard let first = rest.first else { return "" }
    let startsJSON = first == UInt8(ascii: "{") || first == UInt8(ascii: "[")
    let startsEvent = ":deir".utf8.contains(first)
    form = startsEvent || saysEvents && !startsJSON ? .events : .whole
    return take(Array(rest))
  }

  private func take(_ bytes: [UInt8]) -> String {
    var text = ""
    switch form {
    case .events: events.read(bytes) { text += add(event: $0) }
    case .whole, .error: body += bytes
    case .unknown, .ended: break
    }
    return text
  }

  /// An error remains one however long it is.
  private func endTooLarge() {
    guard form != .error, form != .ended else { return }
    form = .ended
    body = []
    builder.note(.tooLarge, "The answer is larger than \(maximumBytes) bytes.")
  }

  private func add(event data: [UInt8]) -> String {
    guard form == .events else { return "" }
    if isEnd(data) {
      end()
      return ""
    }
    do throws(JSONSyntaxError) {
      return builder.add(event: try parser.parse(data))
    } catch {
      builder.note(.malformed, "An event of the answer is not JSON: \(error.reason).")
      return ""
    }
  }

  private func isEnd(_ data: [UInt8]) -> Bool { data.elementsEqual("[DONE]".utf8) }

  private func end() {
    form = .ended
    builder.end()
  }

  /// The last event may lack its blank line. If it lacks more it was cut, and so was the answer.
  private func addRest() {
    guard let data = events.end() else { return }
    if isEnd(data) { return end() }
    do throws(JSONSyntaxError) {
      _ = builder.add(event: try parser.parse(data))
    } catch {
      return
    }
  }

  private func addWhole() {
    do throws(JSONSyntaxError) {
      builder.add(whole: try parser.parse(body))
    } catch {
      guard !seemsCut(at: error.offset) else { return }
      builder.note(.malformed, "The answer is not JSON: \(error.reason).")
    }
  }

  /// Whether what is wrong with an object is that its rest is missing.
  private func seemsCut(at offset: Int) -> Bool {
    guard body.first == UInt8(ascii: "{") else { return false }
    let last = body.last { !" \t\r\n".utf8.contains($0) }
    return offset == body.count || last != UInt8(ascii: "}")
  }

  /// An error that is too long or not JSON still is one.
  private func noteError() {
    var message: String?
    do throws(JSONSyntaxError) {
      let error = try parser.parse(body)["error"]
      message = error.flatMap(AnswerBuilder.message)
    } catch {
      message = nil
    }
    builder.note(.refused, message ?? "The server answered with status \(status).")
  }
}
