/// A response as the client read it.
struct TestResponse: Equatable {
  let status: Int
  let headers: [String: String]
  let body: String

  /// Takes the first response off the front of `bytes`, if all of it is there.
  init?(takingFrom bytes: inout [UInt8], isHead: Bool) {
    guard let end = Self.endOfHead(bytes) else { return nil }
    let lines = String(decoding: bytes[..<end], as: UTF8.self).split(separator: "\r\n")
    let status = lines.first.flatMap { Int($0.split(separator: " ")[1]) } ?? 0
    var headers: [String: String] = [:]
    for line in lines.dropFirst() {
      let parts = line.split(separator: ": ", maxSplits: 1)
      headers[parts[0].lowercased()] = parts.count > 1 ? String(parts[1]) : ""
    }
    let length = isHead ? 0 : headers["content-length"].flatMap { Int($0) } ?? 0
    guard bytes.count >= end + length else { return nil }
    self.status = status
    self.headers = headers
    body = String(decoding: bytes[end..<(end + length)], as: UTF8.self)
    bytes.removeFirst(end + length)
  }

  private static func endOfHead(_ bytes: [UInt8]) -> Int? {
    let mark = Array("\r\n\r\n".utf8)
    guard bytes.count >= 4 else { return nil }
    return (0...(bytes.count - 4)).first { Array(bytes[$0..<($0 + 4)]) == mark }.map { $0 + 4 }
  }
}
