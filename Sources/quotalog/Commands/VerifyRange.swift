internal import EventJSON
internal import EventLog
internal import Evidence
internal import JSON
internal import QuotaModel
internal import QuotaService

extension Subcommand {
  /// Checks exported events, without a store.
  static func verifyRange(
    _ path: String, _ events: String, _ trusted: [VerifyingKey]?, _ arguments: Arguments
  ) throws(ExitFailure) {
    let keys = if let trusted { trusted } else { try KeyOption.ownKeys(arguments) }
    guard let origin = keys.first?.name.text else {
      throw .usage("--proof needs --key KEY: the text or file that the log's operator published")
    }
    let bytes = try InputFile.read(path)
    let proof: RangeProof
    do { proof = try RangeProof(parsing: bytes) } catch {
      throw ExitFailure(.badData, "\(path): \(error)")
    }
    let leaves = try leaves(of: events, from: proof.before.size)
    let checkpoint: Checkpoint
    do { checkpoint = try proof.verify(leaves: leaves, origin: origin, keys: keys) } catch {
      throw ExitFailure(.badData, "\(path): \(error)")
    }
    let (first, last) = (
      proof.before.size.count + 1, proof.before.size.count + UInt64(leaves.count)
    )
    guard arguments.wantsJSON else {
      return Terminal.say(
        "events \(first) to \(last) are records of \(checkpoint.size) that \(checkpoint.origin) "
          + "has signed for")
    }
    var json = JSONWriter()
    json.beginObject()
    json.member("origin", checkpoint.origin)
    json.member("first", first)
    json.member("last", last)
    json.member("tree_size", checkpoint.size.count)
    json.endObject()
    json.newline()
    Terminal.write(json.take())
  }

  /// The hashes of the records that exported lines stand for.
  private static func leaves(
    of path: String, from size: TreeSize
  ) throws(ExitFailure) -> [Digest256] {
    let reader = try LineReader(path)
    let parser = JSONParser()
    let bar = ProgressBar("hashing")
    defer { bar.end() }
    var leaves: [Digest256] = []
    while let line = try reader.next() {
      let (event, name) = try Self.event(line, reader.number, parser)
      try requireCanonical(line, reader.number, event, name)
      let due = size.count + UInt64(leaves.count) + 1
      guard event.position.rawValue == due else {
        throw ExitFailure(
          .badData,
          "line \(reader.number): position \(event.position) does not follow: \(due) is due")
      }
      leaves.append(event.leafHash)
      bar.show(reader.byteCount, of: reader.totalByteCount ?? reader.byteCount)
    }
    guard !leaves.isEmpty else { throw ExitFailure(.badData, "\(path): there is no event in it") }
    return leaves
  }

  /// Nothing may be in a line but the event that is proved, and the name, which is in no record.
  private static func requireCanonical(
    _ line: [UInt8], _ number: Int, _ event: Event, _ name: UserName?
  ) throws(ExitFailure) {
    var json = JSONWriter()
    json.event(event, userName: name)
    let end = line.lastIndex { $0 != 0x0D && $0 != 0x20 } ?? -1
    guard line[...end].elementsEqual(json.take()) else {
      throw ExitFailure(
        .badData,
        "line \(number): is not as `export` writes event \(event.position): a member is added, "
          + "doubled or written otherwise")
    }
  }
}
