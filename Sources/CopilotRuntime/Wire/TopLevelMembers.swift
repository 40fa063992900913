/// The members of an object that is no JSON as a whole, as far as they can still be told apart: a number
/// or a nesting that no parser takes does not hide who asked.
struct TopLevelMembers {
  private(set) var names: Set<[UInt8]> = []
  /// The value of `id` as it stands there; nil where there is none, or more than one.
  private(set) var id: ArraySlice<UInt8>?

  private var bytes: ArraySlice<UInt8>
  private var depth = 0

  init(_ body: [UInt8]) {
    bytes = body[...]
    skipSpace()
    guard bytes.first == UInt8(ascii: "{") else { return }
    bytes = bytes.dropFirst()
    depth = 1
    var idCount = 0
    while let (name, value) = nextMember() {
      names.insert(Array(name))
      guard name.elementsEqual("id".utf8) else { continue }
      idCount += 1
      id = idCount == 1 ? value : nil
    }
  }

  /// A name of the object itself and its value.
  private mutating func nextMember() -> (name: ArraySlice<UInt8>, value: ArraySlice<UInt8>)? {
    skipSpace()
    if bytes.first == UInt8(ascii: ",") { bytes = bytes.dropFirst() }
    skipSpace()
    guard let name = takeString() else { return nil }
    skipSpace()
    guard bytes.first == UInt8(ascii: ":") else { return nil }
    bytes = bytes.dropFirst()
    skipSpace()
    let value = takeValue()
    return value.isEmpty ? nil : (name.dropFirst().dropLast(), value)
  }

  /// Everything up to the comma or the end of the object, whatever it is.
  private mutating func takeValue() -> ArraySlice<UInt8> {
    let start = bytes
    while let byte = bytes.first {
      switch byte {
      case UInt8(ascii: "\""):
        guard takeString() != nil else { return [] }
        continue
      case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        if depth == 1 { return trimmed(start) }
        depth -= 1
      case UInt8(ascii: ","):
        if depth == 1 { return trimmed(start) }
      default: break
      }
      bytes = bytes.dropFirst()
    }
    return trimmed(start)
  }

  private func trimmed(_ start: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    var value = start[..<bytes.startIndex]
    while let last = value.last, Self.isSpace(last) { value = value.dropLast() }
    return value
  }

  /// A string with its quotation marks; nil where none stands here, or it has no end.
  private mutating func takeString() -> ArraySlice<UInt8>? {
    guard bytes.first == UInt8(ascii: "\"") else { return nil }
    var index = bytes.startIndex + 1
    while index < bytes.endIndex {
      switch bytes[index] {
      case UInt8(ascii: "\\"): index += 2
      case UInt8(ascii: "\""):
        let text = bytes[...index]
        bytes = bytes[(index + 1)...]
        return text
      default: index += 1
      }
    }
    return nil
  }

  private mutating func skipSpace() {
    bytes = bytes.drop(while: Self.isSpace)
  }

  private static func isSpace(_ byte: UInt8) -> Bool {
    byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D
  }
}
