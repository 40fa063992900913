import CSimdJSON

extension JSONValue {
  /// Elements of an array or members of an object, duplicates counted; 0 for other kinds.
  public var count: Int {
    Int(unsafe csj_count(document.tape, index))
  }

  /// The member with this name, the last one if there are several; nil if this is no object.
  ///
  /// Names are compared byte by byte. The search is linear: use `members` to read many.
  @_disfavoredOverload
  public subscript(name: String) -> JSONValue? {
    var name = name
    return name.withUTF8 { unsafe member($0) }
  }

  /// The same for a name known at compile time; a literal chooses this one.
  public subscript(name: StaticString) -> JSONValue? {
    name.withUTF8Buffer { unsafe member($0) }
  }

  /// An object's members in source order, duplicates included; none for other kinds.
  public var members: JSONMembers {
    JSONMembers(document: document, nodes: children(of: .object))
  }

  /// An array's elements; none for other kinds.
  public var elements: JSONElements {
    JSONElements(document: document, nodes: children(of: .array))
  }

  private func member(_ name: UnsafeBufferPointer<UInt8>) -> JSONValue? {
    let found = unsafe csj_find_member(document.tape, index, name.baseAddress, name.count)
    return found == 0 ? nil : JSONValue(document: document, index: found)
  }

  private func children(of kind: Kind) -> Range<UInt32> {
    guard self.kind == kind else { return index..<index }
    return index + 1..<(unsafe csj_next(document.tape, index))
  }
}

/// The members of an object in source order.
public struct JSONMembers: Sequence, IteratorProtocol, Sendable {
  let document: JSONDocument
  /// Names and values still to come.
  var nodes: Range<UInt32>

  public mutating func next() -> (name: String, value: JSONValue)? {
    guard let index = nodes.first else { return nil }
    let name = JSONValue(document: document, index: index)
    let value = JSONValue(document: document, index: index + 1)
    nodes = (unsafe csj_next(document.tape, value.index))..<nodes.upperBound
    guard let name = name.string else { preconditionFailure("A member's name is a string.") }
    return (name, value)
  }
}

/// The elements of an array.
public struct JSONElements: Sequence, IteratorProtocol, Sendable {
  let document: JSONDocument
  /// Elements still to come, with what is inside them.
  var nodes: Range<UInt32>

  public mutating func next() -> JSONValue? {
    guard let index = nodes.first else { return nil }
    nodes = (unsafe csj_next(document.tape, index))..<nodes.upperBound
    return JSONValue(document: document, index: index)
  }
}
