/// The header fields of a request, in the order in which they came.
///
/// One array holds the text of all of them; a value becomes a `String` when it is asked for. Bytes
/// that are not UTF-8 become replacement characters.
public struct HTTPHeaders: Sendable {
  /// Where a field's name and value lie in ``text``.
  struct Field: Sendable {
    var name: Range<Int>
    var value: Range<Int>
  }

  let text: [UInt8]
  let fields: [Field]

  public init(_ fields: [(String, String)]) {
    var text: [UInt8] = []
    self.fields = fields.map { name, value in
      Field(name: text.appendText(name), value: text.appendText(value))
    }
    self.text = text
  }

  init(text: [UInt8], fields: [Field]) {
    self.text = text
    self.fields = fields
  }

  /// The value of the field, whose `name` is given in small letters; several values are joined by a
  /// comma and a space.
  public subscript(name: StaticString) -> String? {
    // Nearly every field comes once: the array of all values is made only where one does not.
    if let value = bytes(of: name) { return String(decoding: value, as: UTF8.self) }
    return contains(name) ? values(of: name.description).joined(separator: ", ") : nil
  }

  /// Whether the field is there; `name` is in small letters.
  public func contains(_ name: StaticString) -> Bool {
    fields.contains { matches($0, name) }
  }

  /// The value of a field that came exactly once; `name` is in small letters.
  public func bytes(of name: StaticString) -> ArraySlice<UInt8>? {
    var found: Field?
    for field in fields where matches(field, name) {
      if found != nil { return nil }
      found = field
    }
    return found.map { text[$0.value] }
  }

  /// Every value of the field, letter case ignored.
  public func values(of name: String) -> [String] {
    fields.compactMap { matches($0, name) ? String(decoding: text[$0.value], as: UTF8.self) : nil }
  }

  private func matches(_ field: Field, _ name: StaticString) -> Bool {
    Self.matches(text, field, name)
  }

  /// Whether `field` of `text` has this name, which is given in small letters.
  static func matches(_ text: [UInt8], _ field: Field, _ name: StaticString) -> Bool {
    guard field.name.count == name.utf8CodeUnitCount else { return false }
    return name.withUTF8Buffer { name in
      for offset in 0..<name.count
      where unsafe text[field.name.lowerBound + offset].lowercasedASCII != name[offset] {
        return false
      }
      return true
    }
  }

  /// Whether this is the field of that name, letter case ignored.
  func matches(_ field: Field, _ name: String) -> Bool {
    let utf8 = name.utf8
    guard field.name.count == utf8.count else { return false }
    var place = field.name.lowerBound
    for byte in utf8 {
      guard text[place].lowercasedASCII == byte.lowercasedASCII else { return false }
      place += 1
    }
    return true
  }
}

extension [UInt8] {
  /// Appends the text as UTF-8 and returns where it lies now.
  @discardableResult
  mutating func appendText(_ text: String) -> Range<Int> {
    let start = count
    append(contentsOf: text.utf8)
    return start..<count
  }
}

extension Collection<UInt8> {
  /// Whether these bytes spell `text` when ASCII letters of both cases count as equal.
  func equalsIgnoringCase(_ text: String) -> Bool {
    let utf8 = text.utf8
    guard count == utf8.count else { return false }
    return zip(self, utf8).allSatisfy { $0 == $1 || $0.lowercasedASCII == $1.lowercasedASCII }
  }
}

extension UInt8 {
  var lowercasedASCII: UInt8 {
    self >= UInt8(ascii: "A") && self <= UInt8(ascii: "Z") ? self | 0x20 : self
  }
}
