internal import Evidence
internal import Glibc

/// The file with the key that signs what a log has: `checkpoint.key` of a store, readable by its owner only.
/// Beside it lies `checkpoint.pub`: the halves that everybody may have, that of the present key first.
struct CheckpointKey {
  let path: String

  init(ofStoreAt path: String) { self.path = path + "/checkpoint.key" }

  private var publicPath: String { String(path.dropLast(3)) + "pub" }

  /// The key; nil where there is no file.
  func read() throws(StoreFailure) -> SigningKey? {
    guard Files.exists(path) else { return nil }
    let bytes = try Files.read(path)
    let text = String(decoding: bytes.prefix { $0 != 0x0A }, as: UTF8.self)
    do { return try SigningKey(secretText: text) } catch {
      throw .keyDamaged(path: path, error.description)
    }
  }

  /// The halves that check, of the present key first; none where there is neither file.
  func readPublic() throws(StoreFailure) -> [VerifyingKey] {
    let publicPath = publicPath
    guard Files.exists(publicPath) else { return try [read()?.verifyingKey].compactMap { $0 } }
    let bytes = try Files.read(publicPath)
    do throws(KeyRefusal) {
      return try bytes.split(separator: 0x0A).map { (line) throws(KeyRefusal) in
        try VerifyingKey(text: String(decoding: line, as: UTF8.self))
      }
    } catch {
      throw .keyDamaged(path: publicPath, error.description)
    }
  }

  /// Makes a key; what the ones before have signed stays signed.
  func create(_ name: KeyName) throws(StoreFailure) -> SigningKey {
    let seed = (0..<4).flatMap { _ in
      let word = System.randomWord()
      return (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64(8 * $0)) }
    }
    guard let key = SigningKey(name: name, seed: seed) else {
      preconditionFailure("a key is made from 32 bytes")
    }
    let publicPath = publicPath
    let known = [key.verifyingKey] + (try readPublic())
    // Whatever is signed can be checked, wherever this is interrupted.
    try Files.replace(
      publicPath, with: Array(known.map { "\($0.text)\n" }.joined().utf8))
    try Files.replace(path, with: Array("\(key.secretText)\n".utf8), mode: 0o600)
    return key
  }
}
