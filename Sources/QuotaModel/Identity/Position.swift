/// The place of an event in the log: 1, 2, 3 … without gaps. Zero is the place before the first.
public struct Position: Hashable, Comparable, Sendable {
  public let rawValue: UInt64

  public static let zero = Position(0)

  public init(_ rawValue: UInt64) { self.rawValue = rawValue }

  public var next: Position { advanced(by: 1) }

  public func advanced(by count: Int) -> Position { Position(rawValue + UInt64(count)) }

  public static func < (left: Position, right: Position) -> Bool {
    left.rawValue < right.rawValue
  }
}

extension Position: CustomStringConvertible {
  public var description: String { String(rawValue) }
}
