/// How many leaves a tree has.
public struct TreeSize: Hashable, Comparable, Sendable, ExpressibleByIntegerLiteral {
  public let count: UInt64

  public init(_ count: UInt64) { self.count = count }

  public init(integerLiteral count: UInt64) { self.count = count }

  public static func < (left: TreeSize, right: TreeSize) -> Bool { left.count < right.count }
}

/// The place of a leaf, counted from 0.
public struct LeafIndex: Hashable, Comparable, Sendable, ExpressibleByIntegerLiteral {
  public let number: UInt64

  public init(_ number: UInt64) { self.number = number }

  public init(integerLiteral number: UInt64) { self.number = number }

  public static func < (left: LeafIndex, right: LeafIndex) -> Bool { left.number < right.number }
}

extension TreeSize: CustomStringConvertible {
  public var description: String { String(count) }
}

extension LeafIndex: CustomStringConvertible {
  public var description: String { String(number) }
}
