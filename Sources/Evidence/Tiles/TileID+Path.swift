/// Why a text is not the path of a tile.
public enum TilePathError: Error, Hashable, Sendable {
  /// It does not begin with `tile/` and have a level and an index.
  case notATile
  /// The level is not a number of 0 to 63 without leading zeros.
  case level
  /// The index is not in canonical groups of three digits, all but the last after an `x`.
  case index
  /// The width after `.p/` is not a number of 1 to 255 without leading zeros.
  case width
}

extension TilePathError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .notATile: "the path of a tile is tile/LEVEL/INDEX or tile/LEVEL/INDEX.p/WIDTH"
    case .level: "the level of a tile is a number of 0 to 63"
    case .index: "the index of a tile is groups of three digits, all but the last after an x"
    case .width: "the width of a partial tile is a number of 1 to 255"
    }
  }
}

extension TileID {
  /// For example `tile/0/x001/x234/067.p/5`, without a leading slash.
  public var path: String {
    "tile/\(level)/\(Self.indexPath(index))" + (isPartial ? ".p/\(width)" : "")
  }

  public init(path: String) throws(TilePathError) {
    var elements = path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
      .map { Array($0) }
    guard elements.count >= 3, elements.removeFirst() == Array("tile".utf8) else {
      throw .notATile
    }
    guard let level = Decimal.canonical(elements.removeFirst()), level <= 63 else { throw .level }
    let width = try Self.takeWidth(from: &elements)
    let index = try Self.index(of: elements)
    self.init(level: Int(level), index: index, width: width)
  }

  private static func indexPath(_ index: UInt64) -> String {
    var path = threeDigits(index % 1000)
    var rest = index / 1000
    while rest > 0 {
      path = "x\(threeDigits(rest % 1000))/\(path)"
      rest /= 1000
    }
    return path
  }

  private static func threeDigits(_ number: UInt64) -> String {
    String(String(1000 + number).dropFirst())
  }

  /// Takes the last element and the suffix `.p` of the one before away, if that is there.
  private static func takeWidth(from elements: inout [[UInt8]]) throws(TilePathError) -> Int {
    let suffix = Array(".p".utf8)
    guard elements.count >= 2, elements[elements.count - 2].suffix(2) == suffix[...] else {
      return fullWidth
    }
    guard let width = Decimal.canonical(elements.removeLast()), (1...255).contains(width) else {
      throw .width
    }
    elements[elements.count - 1].removeLast(suffix.count)
    return Int(width)
  }

  private static func index(of elements: [[UInt8]]) throws(TilePathError) -> UInt64 {
    var index: UInt64 = 0
    for (place, element) in elements.enumerated() {
      let isLast = place == elements.count - 1
      let digits = isLast ? element[...] : element.dropFirst()
      guard isLast || element.first == UInt8(ascii: "x"), digits.count == 3,
        digits.allSatisfy(Decimal.isDigit),
        let next = Decimal.appending(digits, to: index)
      else { throw .index }
      index = next
    }
    // A second path for the same tile, with groups of zeros before it, is none.
    guard indexPath(index).utf8.elementsEqual(elements.joined(separator: [UInt8(ascii: "/")]))
    else { throw .index }
    return index
  }
}
