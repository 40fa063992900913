import JSON
import Testing

/// A JSON value that a test can compare.
indirect enum Tree: Equatable {
  case null
  case bool(Bool)
  case number(String)
  case string([UInt8])
  case array([Tree])
  case object([Member])

  struct Member: Equatable {
    let name: String
    let value: Tree
  }

  init(_ value: JSONValue) {
    switch value.kind {
    case .null: self = .null
    case .boolean: self = .bool(value.bool ?? false)
    case .number: self = .number(value.numberText ?? "")
    case .string: self = .string(Array((value.string ?? "").utf8))
    case .array: self = .array(value.elements.map(Tree.init))
    case .object:
      self = .object(value.members.map { Member(name: $0.name, value: Tree($0.value)) })
    }
  }

  func write(to writer: inout JSONWriter) {
    switch self {
    case .null: writer.null()
    case .bool(let value): writer.bool(value)
    case .number(let text): writer.raw(Array(text.utf8))
    case .string(let bytes): writer.string(utf8: bytes)
    case .array(let elements):
      writer.beginArray()
      for element in elements { element.write(to: &writer) }
      writer.endArray()
    case .object(let members):
      writer.beginObject()
      for member in members {
        writer.name(member.name)
        member.value.write(to: &writer)
      }
      writer.endObject()
    }
  }
}

/// SplitMix64: small, and the same everywhere.
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  mutating func text() -> String {
    let scalars: [Unicode.Scalar] = [
      "a", "b", " ", "\"", "\\", "\n", "\0", "\u{1F}", "é", "漢", "😀",
    ]
    let count = Int.random(in: 0...20, using: &self)
    return (0..<count).reduce(into: "") { text, _ in
      text.unicodeScalars.append(scalars.randomElement(using: &self) ?? "a")
    }
  }

  mutating func tree(depth: Int) -> Tree {
    let count = Int.random(in: 0...4, using: &self)
    switch Int.random(in: 0..<(depth > 0 ? 7 : 5), using: &self) {
    case 0: return .null
    case 1: return .bool(Bool.random(using: &self))
    case 2: return .number(String(Int64.random(in: .min ... .max, using: &self)))
    case 3: return .number(String(Double.random(in: -1e9...1e9, using: &self)))
    case 4: return .string(Array(text().utf8))
    case 5: return .array((0..<count).map { _ in tree(depth: depth - 1) })
    default:
      return .object(
        (0..<count).map { _ in Tree.Member(name: text(), value: tree(depth: depth - 1)) })
    }
  }
}

@Suite("Writing and reading")
struct RoundTripTests {
  @Test func `random values come back as they were written`() throws {
    let seed = UInt64.random(in: .min ... .max)
    print("seed \(seed)")
    var generator = SeededGenerator(state: seed)
    let parser = JSONParser()
    for round in 0..<2_000 {
      let tree = generator.tree(depth: 6)
      var writer = JSONWriter()
      tree.write(to: &writer)
      let value = try parser.parse(writer.bytes)
      #expect(Tree(value) == tree, "seed \(seed), round \(round)")
      #expect(value.sourceText == writer.bytes, "seed \(seed), round \(round)")
    }
  }

  @Test func `no cut of a document is a document and none crashes`() throws {
    let seed = UInt64.random(in: .min ... .max)
    print("seed \(seed)")
    var generator = SeededGenerator(state: seed)
    let parser = JSONParser()
    for round in 0..<100 {
      var writer = JSONWriter()
      Tree.array([generator.tree(depth: 4)]).write(to: &writer)
      for length in writer.bytes.indices {
        #expect(throws: JSONSyntaxError.self, "seed \(seed), round \(round), length \(length)") {
          try parser.parse(Array(writer.bytes[..<length]))
        }
      }
    }
  }
}
