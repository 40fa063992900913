import LMDB
import Testing

@Suite(.serialized) struct `A page check of a damaged file` {
  @Test(arguments: [0x01, 0x02, 0x40, 0x80, 0xFF] as [UInt8])
  func `finds every changed byte of LMDB's own, or LMDB reads the same in spite of it`(
    _ mask: UInt8
  ) throws {
    let sample = try PageSample.small()
    let original = PageImage(try sample.bytes)
    let content = try sample.content()
    var foundCount = 0
    for offset in original.structuralOffsets {
      var changed = original.bytes
      changed[offset] ^= mask
      try sample.replace(with: changed)
      if try sample.damage() != nil {
        foundCount += 1
      } else {
        #expect(try sample.content().isSame(as: content), "byte \(offset)")
      }
    }
    #expect(foundCount > 800)
  }

  @Test func `finds every end that is missing, or LMDB reads the same without it`() throws {
    let sample = try PageSample.small()
    let original = try sample.bytes
    let content = try sample.content()
    var foundCount = 0
    for length in stride(from: 1, to: original.count, by: 1024) {
      try sample.replace(with: Array(original[..<length]))
      if let damage = try sample.damage() {
        #expect(damage.contradiction == .cut || damage.contradiction == .lastPage)
        foundCount += 1
      } else {
        #expect(try sample.content() == content, "cut at \(length)")
      }
    }
    #expect(foundCount > original.count / 1024 / 2)
  }

  @Test(arguments: PageShape.allCases)
  func `finds pages of zeros, and pages of noise`(_ shape: PageShape) throws {
    let sample = try shape.sample()
    let original = PageImage(try sample.bytes)
    let content = try sample.content()
    var random = PageRandom()
    for page in 0..<min(original.pageCount, 60) {
      var zeros = original
      zeros.fillPage(page) { 0 }
      var noise = original
      noise.fillPage(page) { UInt8.random(in: 0...255, using: &random) }
      for changed in [zeros, noise] {
        try sample.replace(with: changed.bytes)
        if try sample.damage() == nil {
          // Pages that are free, and those of a value behind its first.
          #expect(try sample.content().counts == content.counts, "seed \(random.seed)")
        }
      }
    }
  }

  @Test func `finds two leaves that have changed places, numbers and all`() throws {
    let sample = try PageShape.many.sample()
    let original = PageImage(try sample.bytes)
    let leaves = original.leaves(ofKeysLike: "0000")
    var changed = original
    changed.copyPage(leaves[0], to: leaves[1])
    changed.copyPage(leaves[1], of: original, to: leaves[0])
    try sample.replace(with: changed.bytes)
    let numbers = [leaves[0], leaves[1]].map { PageContradiction.pageNumber(found: UInt64($0)) }
    #expect(try numbers.contains(#require(sample.damage()?.contradiction)))
    changed.setNumber(of: leaves[0])
    changed.setNumber(of: leaves[1])
    try sample.replace(with: changed.bytes)
    #expect(try sample.damage()?.contradiction == .keyOnWrongPage)
  }

  @Test func `finds a last key that belongs on the next page`() throws {
    let sample = try PageShape.many.sample()
    var changed = PageImage(try sample.bytes)
    changed.bytes[changed.lastKeyStart(of: changed.leaves(ofKeysLike: "0000")[0])] = 0xFF
    try sample.replace(with: changed.bytes)
    #expect(try sample.damage()?.contradiction == .keyOnWrongPage)
  }

  @Test func `finds every changed byte of what LMDB keeps of a table`() throws {
    let sample = try PageSample.small()
    let original = PageImage(try sample.bytes)
    let undetected = try original.pagesOfTableRecords.map { (records) in
      try records.filter { (offset) in
        var changed = original.bytes
        changed[offset] ^= 0x01
        try sample.replace(with: changed)
        return try sample.damage() == nil
      }
    }
    // One page is in use; the others are what earlier commits left.
    #expect(undetected.contains([]), "\(undetected)")
  }

  /// LMDB takes the meta page with the greater number, so a changed one could undo a commit unseen.
  @Test func `finds a meta page that carries the number of another commit`() throws {
    let sample = try PageShape.many.sample()
    let original = PageImage(try sample.bytes)
    let newest = try Int(sample.check().transaction)
    for (page, number) in [(newest % 2, newest - 2), ((newest + 1) % 2, newest + 1)] {
      for step in [0, 2, -2, 4] where number + step >= 0 {
        var changed = original
        changed.bytes.replaceSubrange(page * 4096 + 144..<page * 4096 + 152, with: number + step)
        guard changed.bytes != original.bytes else { continue }
        try sample.replace(with: changed.bytes)
        #expect(try sample.damage()?.contradiction == .commitNumbers, "\(number + step)")
      }
    }
  }

  @Test func `tells the page, the place, the table, and the entries that it concerns`() throws {
    let sample = try PageShape.many.sample()
    var changed = PageImage(try sample.bytes)
    let leaves = changed.leaves(ofKeysLike: "0000")
    let page = leaves[1]
    let lastOfTheFirst = changed.lastKey(of: leaves[0])
    changed.bytes[page * 4096 + 10] ^= 0x40
    try sample.replace(with: changed.bytes)
    let damage = try #require(try sample.damage())
    #expect(damage.page == UInt64(page))
    #expect(damage.offset == UInt64(page * 4096 + 10))
    #expect(damage.table == "left")
    #expect(damage.contradiction == .pageKind(found: 0x42))
    #expect(damage.entries == .after(key: lastOfTheFirst))
  }

  @Test func `ends, and lets LMDB read what it has passed, whatever bytes have changed`() throws {
    var random = PageRandom()
    let samples = try [PageSample.small(), PageShape.deleted.sample(), PageShape.oneEntry.sample()]
    let originals = try samples.map { (sample) in PageImage(try sample.bytes) }
    for round in 0..<2000 {
      let index = Int.random(in: 0..<samples.count, using: &random)
      var changed = originals[index]
      changed.damage(&random)
      try samples[index].replace(with: changed.bytes)
      if try samples[index].damage() == nil {
        #expect(throws: Never.self, "seed \(random.seed), round \(round)") {
          try samples[index].content()
        }
      }
    }
  }

  @Test func `is no reason for an environment to crash when it is opened`() throws {
    let sample = try PageShape.many.sample()
    var changed = PageImage(try sample.bytes)
    changed.fillPage(changed.leaves(ofKeysLike: "0000")[0]) { 0xA5 }
    try sample.replace(with: changed.bytes)
    #expect(throws: LMDBError.corrupted) { try sample.environment() }
    try sample.replace(with: Array(repeating: 0x5A, count: 8192))
    #expect(throws: LMDBError.notAnEnvironment) { try sample.environment() }
  }
}
