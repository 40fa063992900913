internal import LMDB
internal import QuotaModel

/// Appends the parts of a row whose length varies; `RowReader` is the inverse.
extension [UInt8] {
  mutating func appendText(_ text: String) {
    appendInteger(UInt16(text.utf8.count))
    append(contentsOf: text.utf8)
  }

  /// A text, or an empty one for none.
  mutating func appendOptional(_ text: (any ByteText)?) { appendText(text?.description ?? "") }

  /// An amount, or -1 for none.
  mutating func appendOptional(_ amount: NanoCredits?) { appendInteger(amount?.rawValue ?? -1) }
}

/// Reads a row from front to back; whatever does not fit is a malformed row.
struct RowReader: ~Escapable {
  private let bytes: RawSpan
  private let table: String
  private var offset = 0

  @_lifetime(copy bytes)
  init(_ bytes: RawSpan, of table: String) {
    self.bytes = bytes
    self.table = table
  }

  var isAtEnd: Bool { offset == bytes.byteCount }

  var damage: ProjectionFailure { .malformedRow(table: table) }

  @_lifetime(self: copy self)
  private mutating func skip(_ count: Int) throws(ProjectionFailure) -> Int {
    guard bytes.byteCount - offset >= count else { throw damage }
    defer { offset += count }
    return offset
  }

  @_lifetime(self: copy self)
  mutating func byte() throws(ProjectionFailure) -> UInt8 {
    let start = try skip(1)
    return bytes.byte(at: start)
  }

  @_lifetime(self: copy self)
  mutating func word() throws(ProjectionFailure) -> UInt64 {
    let start = try skip(8)
    return bytes.word(at: start)
  }

  @_lifetime(self: copy self)
  mutating func moment() throws(ProjectionFailure) -> Moment {
    Moment(microseconds: Int64(bitPattern: try word()))
  }

  @_lifetime(self: copy self)
  mutating func position() throws(ProjectionFailure) -> Position { Position(try word()) }

  @_lifetime(self: copy self)
  mutating func user() throws(ProjectionFailure) -> UserID {
    let start = try skip(16)
    return bytes.user(at: start)
  }

  @_lifetime(self: copy self)
  mutating func credits() throws(ProjectionFailure) -> NanoCredits {
    guard let credits = NanoCredits(Int64(bitPattern: try word())) else { throw damage }
    return credits
  }

  @_lifetime(self: copy self)
  mutating func optionalCredits() throws(ProjectionFailure) -> NanoCredits? {
    let stored = Int64(bitPattern: try word())
    if stored == -1 { return nil }
    guard let credits = NanoCredits(stored) else { throw damage }
    return credits
  }

  @_lifetime(self: copy self)
  mutating func tokens() throws(ProjectionFailure) -> TokenCount {
    guard let count = TokenCount(Int64(bitPattern: try word())) else { throw damage }
    return count
  }

  @_lifetime(self: copy self)
  mutating func text() throws(ProjectionFailure) -> String {
    let start = try skip(2)
    let length = Int(bytes.byte(at: start)) | Int(bytes.byte(at: start + 1)) << 8
    let first = try skip(length)
    let text = bytes.extracting(first..<first + length)
    guard let text = unsafe text.withUnsafeBytes({ unsafe String(validating: $0, as: UTF8.self) })
    else { throw damage }
    return text
  }

  @_lifetime(self: copy self)
  mutating func bounded<Bounded>(
    _ make: (String) throws(TextRule) -> Bounded
  ) throws(ProjectionFailure) -> Bounded {
    let text = try text()
    do { return try make(text) } catch { throw damage }
  }

  @_lifetime(self: copy self)
  mutating func optional<Bounded>(
    _ make: (String) throws(TextRule) -> Bounded
  ) throws(ProjectionFailure) -> Bounded? {
    let text = try text()
    if text.isEmpty { return nil }
    do { return try make(text) } catch { throw damage }
  }

  @_lifetime(self: copy self)
  mutating func entryID() throws(ProjectionFailure) -> EntryID {
    EntryID(random: try word(), try word())
  }
}
