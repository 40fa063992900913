import Foundation
import LMDB
import TestSupport
import Testing

@Suite struct `A file that grows ahead` {
  let directory = TemporaryDirectory()

  @Test func `is longer than what is used, and holds the same`() throws {
    let environment = try directory.environment()
    try environment.store("hot", under: "tea")
    let before = try fileByteCount()
    try environment.growAhead()
    #expect(try fileByteCount() >= before + 1 << 20)
    #expect(try environment.text(under: "tea") == "hot")
    #expect(try PageCheck.run(directory: directory.path).pageCount > 0)
  }

  @Test func `grows no more while there is room`() throws {
    let environment = try directory.environment()
    try environment.growAhead()
    let before = try fileByteCount()
    try environment.growAhead()
    for number in 0..<50 { try environment.store("\(number)", under: "key \(number)") }
    #expect(try fileByteCount() == before)
  }

  @Test func `never writes over what is used`() throws {
    let environment = try directory.environment()
    let long = String(repeating: "x", count: 3000)
    for number in 0..<1500 {
      try environment.growAhead()
      try environment.store("\(number) \(long)", under: "key \(number)")
    }
    #expect(try fileByteCount() > 4 << 20)
    for number in 0..<1500 {
      #expect(try environment.text(under: "key \(number)") == "\(number) \(long)")
    }
  }

  private func fileByteCount() throws -> Int {
    let attributes = try FileManager.default.attributesOfItem(atPath: directory.path + "/data.mdb")
    return try #require(attributes[.size] as? Int)
  }
}
