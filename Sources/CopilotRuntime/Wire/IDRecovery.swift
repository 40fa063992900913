internal import JSON

/// Finds the id of a request that cannot be read: who asked would wait for an answer for ever.
///
/// Knows just enough of JSON to tell the members of the outermost object from what is inside of them; it
/// neither minds how deep that nests, nor whether it is JSON at all.
struct IDRecovery {
  private let text: [UInt8]
  private var position = 0
  private var values: [Range<Int>] = []
  private var hasMethod = false

  /// What a frame that cannot be read is taken for, because of `error`.
  ///
  /// What asks for something is answered under its id, where it has just one. What answers us has failed.
  static func message(in text: [UInt8], _ error: RPCError, _ parser: JSONParser) -> RPCMessage {
    var search = IDRecovery(text: text)
    search.run()
    let id = search.values.count == 1 ? search.id(by: parser) : nil
    if search.hasMethod { return .invalid(id, error) }
    guard let id, let number = Int64(id.description), number > 0 else {
      return .invalid(nil, error)
    }
    return .response(
      RPCRequestNumber(rawValue: number),
      .failure(RPCRefusal(code: Int64(error.code), message: error.message, data: nil)))
  }

  private init(text: [UInt8]) { self.text = text }

  private func id(by parser: JSONParser) -> RPCID? {
    do throws(JSONSyntaxError) {
      return RPCID(try parser.parse(Array(text[values[0]])))
    } catch {
      return nil
    }
  }

  private mutating func run() {
    skipBlanks()
    guard take(UInt8(ascii: "{")) else { return }
    while let name = takeString() {
      skipBlanks()
      guard take(UInt8(ascii: ":")) else { return }
      let value = takeValue()
      if text[name].elementsEqual(#""id""#.utf8) { values.append(value) }
      if text[name].elementsEqual(#""method""#.utf8) { hasMethod = true }
      guard take(UInt8(ascii: ",")) else { return }
      skipBlanks()
    }
  }

  private mutating func take(_ byte: UInt8) -> Bool {
    guard position < text.count, text[position] == byte else { return false }
    position += 1
    if byte == UInt8(ascii: "{") { skipBlanks() }
    return true
  }

  private mutating func skipBlanks() {
    while position < text.count, [0x20, 0x09, 0x0A, 0x0D].contains(text[position]) { position += 1 }
  }

  /// A string with its quotes.
  private mutating func takeString() -> Range<Int>? {
    let start = position
    guard start < text.count, text[start] == UInt8(ascii: "\"") else { return nil }
    position += 1
    while position < text.count {
      let byte = text[position]
      position += byte == UInt8(ascii: "\\") ? 2 : 1
      if byte == UInt8(ascii: "\"") { return start..<position }
    }
    position = text.count
    return nil
  }

  /// Whatever stands up to the next comma, or the end of the object, that is not inside of it.
  private mutating func takeValue() -> Range<Int> {
    let start = position
    var depth = 0
    while position < text.count {
      switch text[position] {
      case UInt8(ascii: "\""):
        if takeString() == nil { return start..<text.count }
        continue
      case UInt8(ascii: "["), UInt8(ascii: "{"): depth += 1
      case UInt8(ascii: "]"), UInt8(ascii: "}"):
        if depth == 0 { return start..<position }
        depth -= 1
      case UInt8(ascii: ",") where depth == 0: return start..<position
      default: break
      }
      position += 1
    }
    return start..<text.count
  }
}
