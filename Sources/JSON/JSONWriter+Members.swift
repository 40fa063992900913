/// A name and its value in one step.
extension JSONWriter {
  public mutating func member(_ name: StaticString, _ value: String) {
    self.name(name)
    string(value)
  }

  public mutating func member(_ name: StaticString, _ value: Bool) {
    self.name(name)
    bool(value)
  }

  @inlinable
  public mutating func member(_ name: StaticString, _ value: some FixedWidthInteger) {
    self.name(name)
    integer(value)
  }

  /// A text, or null.
  public mutating func member(_ name: StaticString, optional value: String?) {
    self.name(name)
    if let value { string(value) } else { null() }
  }

  /// A number, or null.
  @inlinable
  public mutating func member<Value: FixedWidthInteger>(
    _ name: StaticString, optional value: Value?
  ) {
    self.name(name)
    if let value { integer(value) } else { null() }
  }
}
