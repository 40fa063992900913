/// Writes compact JSON straight into bytes.
///
/// The writer places the commas. That containers are closed, that names and values alternate inside
/// objects, and that bytes handed over are UTF-8 or JSON is the caller's business and not checked.
///
///     var writer = JSONWriter()
///     writer.beginObject()
///     writer.name("used")
///     writer.integer(17)
///     writer.endObject()          // {"used":17}
public struct JSONWriter: Sendable {
  /// What has been written so far.
  public private(set) var bytes: [UInt8] = []

  /// Whether a value came last, so that another name or value needs a comma before it.
  private var followsValue = false

  public init() {}

  public mutating func reserveCapacity(_ capacity: Int) {
    bytes.reserveCapacity(capacity)
  }

  /// Gives the bytes away without copying them; the writer is empty afterwards.
  public mutating func take() -> [UInt8] {
    defer { self = JSONWriter() }
    return bytes
  }

  /// Starts over in the same memory.
  public mutating func removeAll() {
    bytes.removeAll(keepingCapacity: true)
    followsValue = false
  }

  public mutating func beginObject() { open(with: UInt8(ascii: "{")) }
  public mutating func endObject() { close(with: UInt8(ascii: "}")) }
  public mutating func beginArray() { open(with: UInt8(ascii: "[")) }
  public mutating func endArray() { close(with: UInt8(ascii: "]")) }

  /// Ends a line of JSON Lines; the next value starts afresh.
  public mutating func newline() {
    bytes.append(UInt8(ascii: "\n"))
    followsValue = false
  }

  public mutating func name(_ name: StaticString) {
    name.withUTF8Buffer { unsafe self.name(utf8: $0) }
  }

  @_disfavoredOverload
  public mutating func name(_ name: String) {
    var name = name
    name.withUTF8 { unsafe self.name(utf8: $0) }
  }

  public mutating func string(_ string: String) {
    var string = string
    string.withUTF8 { unsafe value(utf8: $0) }
  }

  /// A string from its UTF-8, not yet escaped.
  public mutating func string(utf8: [UInt8]) {
    unsafe utf8.withUnsafeBufferPointer { unsafe value(utf8: $0) }
  }

  /// A string from its UTF-8, not yet escaped.
  public mutating func string(utf8: UnsafeRawBufferPointer) {
    unsafe utf8.withMemoryRebound(to: UInt8.self) { unsafe value(utf8: $0) }
  }

  @inlinable
  public mutating func integer(_ value: some FixedWidthInteger) {
    if let magnitude = UInt64(exactly: value.magnitude) {
      integer(magnitude: magnitude, isNegative: value < 0)
    } else {
      raw(Array(String(value).utf8))
    }
  }

  public mutating func bool(_ value: Bool) {
    literal(value ? "true" : "false")
  }

  public mutating func null() {
    literal("null")
  }

  /// One complete JSON value, as it is.
  public mutating func raw(_ json: [UInt8]) {
    unsafe json.withUnsafeBufferPointer { unsafe literal($0) }
  }

  /// One complete JSON value, as it is.
  public mutating func raw(_ json: UnsafeRawBufferPointer) {
    unsafe json.withMemoryRebound(to: UInt8.self) { unsafe literal($0) }
  }

  private mutating func open(with bracket: UInt8) {
    if followsValue { bytes.append(UInt8(ascii: ",")) }
    bytes.append(bracket)
    followsValue = false
  }

  private mutating func close(with bracket: UInt8) {
    bytes.append(bracket)
    followsValue = true
  }

  private mutating func name(utf8: UnsafeBufferPointer<UInt8>) {
    let comma = followsValue
    unsafe bytes.appendQuoted(utf8, afterComma: comma, beforeColon: true)
    followsValue = false
  }

  private mutating func value(utf8: UnsafeBufferPointer<UInt8>) {
    let comma = followsValue
    unsafe bytes.appendQuoted(utf8, afterComma: comma, beforeColon: false)
    followsValue = true
  }

  private mutating func literal(_ text: StaticString) {
    text.withUTF8Buffer { unsafe literal($0) }
  }

  private mutating func literal(_ text: UnsafeBufferPointer<UInt8>) {
    if followsValue { bytes.append(UInt8(ascii: ",")) }
    unsafe bytes.append(contentsOf: text)
    followsValue = true
  }

  @usableFromInline
  mutating func integer(magnitude: UInt64, isNegative: Bool) {
    let comma = followsValue
    bytes.appendDecimal(magnitude, isNegative: isNegative, afterComma: comma)
    followsValue = true
  }
}
