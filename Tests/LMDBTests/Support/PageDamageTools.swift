import LMDB

/// A data file's bytes, with the places where LMDB keeps its own numbers.
struct PageImage {
  static let pageByteCount = 4096

  var bytes: [UInt8]

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  var pageCount: Int { bytes.count / Self.pageByteCount }

  /// Every byte of meta pages, page headers, pointers and node headers; of pages that are not in use
  /// too, where they still look like pages.
  var structuralOffsets: [Int] {
    [0, 4096].flatMap { $0..<$0 + 152 } + (2..<pageCount).flatMap(offsets(ofPage:))
  }

  private func offsets(ofPage page: Int) -> [Int] {
    let start = page * Self.pageByteCount
    let header = Array(start..<start + 16)
    let pointersEnd = short(at: start + 12)
    guard [1, 2].contains(short(at: start + 10)), (16...Self.pageByteCount).contains(pointersEnd)
    else { return header }
    let pointers = start + 16..<start + pointersEnd
    let nodes = stride(from: start + 16, to: start + pointersEnd, by: 2).flatMap { pointer in
      let node = start + short(at: pointer)
      return Array(node..<node + 8)
    }
    return header + pointers + nodes
  }

  /// The bytes of the records of tables, for each page that has such records.
  var pagesOfTableRecords: [[Int]] {
    (2..<pageCount).map { (page) in
      nodes(ofPage: page).filter { short(at: $0 + 4) == 2 }
        .flatMap { (node) in
          let value = node + 8 + short(at: node + 6)
          return Array(value..<value + 48)
        }
    }.filter { !$0.isEmpty }
  }

  private func nodes(ofPage page: Int) -> [Int] {
    let start = page * Self.pageByteCount
    guard short(at: start + 10) == 2 else { return [] }
    let end = start + short(at: start + 12)
    return stride(from: start + 16, to: end, by: 2).map { start + short(at: $0) }
  }

  private func short(at offset: Int) -> Int { Int(bytes[offset]) | Int(bytes[offset + 1]) << 8 }

  /// The leaves of the table `left` whose first keys begin so, in their order.
  ///
  /// Only for files that were filled by one commit: pages that are not in use any more look the same.
  func leaves(ofKeysLike prefix: String) -> [Int] {
    let all = (2..<pageCount).filter { (page) in
      short(at: page * Self.pageByteCount + 10) == 2
        && firstKey(of: page).starts(with: prefix.utf8)
        && !"05".utf8.contains(firstKey(of: page).last ?? 0)
    }
    return all.sorted { firstKey(of: $0).lexicographicallyPrecedes(firstKey(of: $1)) }
  }

  func firstKey(of page: Int) -> [UInt8] { key(0, of: page) }

  func lastKey(of page: Int) -> [UInt8] {
    key((short(at: page * Self.pageByteCount + 12) - 16) / 2 - 1, of: page)
  }

  /// Where the last key of a leaf lies in the file.
  func lastKeyStart(of page: Int) -> Int { (nodes(ofPage: page).last ?? 0) + 8 }

  private func key(_ index: Int, of page: Int) -> [UInt8] {
    let start = page * Self.pageByteCount
    let node = start + short(at: start + 16 + 2 * index)
    return Array(bytes[node + 8..<node + 8 + short(at: node + 6)])
  }

  mutating func setNumber(of page: Int) {
    let start = page * Self.pageByteCount
    bytes.replaceSubrange(start..<start + 8, with: page)
  }

  mutating func copyPage(_ source: Int, of other: PageImage? = nil, to target: Int) {
    let size = Self.pageByteCount
    let page = (other?.bytes ?? bytes)[source * size..<(source + 1) * size]
    bytes.replaceSubrange(target * size..<(target + 1) * size, with: page)
  }

  mutating func fillPage(_ page: Int, _ byte: () -> UInt8) {
    for offset in page * Self.pageByteCount..<(page + 1) * Self.pageByteCount {
      bytes[offset] = byte()
    }
  }

  /// One kind of damage or another, at random places.
  mutating func damage(_ random: inout PageRandom) {
    let structural = structuralOffsets
    switch Int.random(in: 0..<6, using: &random) {
    case 0:
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        bytes[Int.random(in: 0..<bytes.count, using: &random)] = .random(
          in: 0...255, using: &random)
      }
    case 1, 2:
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        let offset = structural.randomElement(using: &random) ?? 0
        bytes[offset] = .random(in: 0...255, using: &random)
      }
    case 3:
      copyPage(
        .random(in: 0..<pageCount, using: &random), to: .random(in: 0..<pageCount, using: &random))
    case 4:
      let target = Int.random(in: 2..<pageCount, using: &random)
      copyPage(.random(in: 2..<pageCount, using: &random), to: target)
      setNumber(of: target)
    default:
      bytes.removeLast(.random(in: 1..<bytes.count, using: &random))
    }
  }
}

extension [UInt8] {
  /// Writes a little-endian word over eight bytes.
  mutating func replaceSubrange(_ range: Range<Int>, with word: Int) {
    var bytes: [UInt8] = []
    bytes.appendInteger(UInt64(word))
    replaceSubrange(range, with: bytes)
  }
}

extension PageSample {
  /// A few small pages of every kind: two tables with a branch, values on pages of their own, a list
  /// of free pages.
  ///
  /// All sizes are even. A node is rounded up to two bytes, so a size that is off by the one byte of
  /// padding contradicts nothing.
  static func small() throws -> PageSample {
    let sample = try PageSample()
    let environment = try sample.environment()
    try sample.fill(environment, 0..<60, valueSize: { _ in 300 })
    try sample.fill(environment, 60..<62, valueSize: { _ in 4080 })
    try sample.clear(environment, 5..<25)
    try sample.fill(environment, 70..<72)
    return sample
  }
}
