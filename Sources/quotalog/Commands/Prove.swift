internal import EventLog
internal import Evidence
internal import Glibc
internal import JSON
internal import QuotaModel
internal import QuotaService

extension Subcommand {
  static let checkpoint = Subcommand(
    "checkpoint",
    summary:
      "Prints a signed checkpoint of the log as it is now, to keep and to `verify` with later.",
    options: [
      Option("output", "FILE", "write to a file instead of standard output"),
      Option("key", nil, "print the key that checks signatures instead"),
      Option("new-key", nil, "make another key that signs from now on, and print its public half"),
    ]
  ) { (arguments) throws(ExitFailure) in
    _ = try arguments.expect()
    guard !arguments.has("new-key") || !arguments.has("key") else {
      throw .usage("--key prints the key and --new-key makes another one: give one of them")
    }
    if arguments.has("new-key") { return try changeKey(arguments) }
    let store = try OpenStore.forReading(arguments)
    let text: String
    if arguments.has("key") {
      let key = try usingStore { () throws(StoreFailure) in try store.verifyingKey() }
      text = arguments.wantsJSON ? document(of: key) : key.text + "\n"
    } else {
      let signed = try usingStore { () throws(StoreFailure) in try store.signCheckpoint() }
      text = arguments.wantsJSON ? document(of: signed) : signed.note.string
    }
    try OutputFile.write(text, arguments)
    try store.finish()
  }

  static let prove = Subcommand(
    "prove", arguments: "POSITION",
    summary: "Prints a proof that a record is in the log, which anybody can check offline.",
    options: [Option("output", "FILE", "write to a file instead of standard output")]
  ) { (arguments) throws(ExitFailure) in
    let text = try arguments.expect("POSITION")[0]
    guard let number = UInt64(text), number > 0 else {
      throw .usage("POSITION must be a whole number from 1 on, not \(text)")
    }
    let store = try OpenStore.forReading(arguments)
    let result = try usingStore { () throws(StoreFailure) in
      try store.proof(of: Position(number))
    }
    try store.finish()
    switch result {
    case .failure(let refused):
      throw ExitFailure(.badData, "no proof of position \(text): \(refused)")
    case .success(let proof):
      try OutputFile.write(
        arguments.wantsJSON ? document(of: proof, Position(number)) : proof.text, arguments)
    }
  }

  private static func changeKey(_ arguments: Arguments) throws(ExitFailure) {
    let store = try OpenStore.forWriting(arguments)
    let key = try usingStore { () throws(StoreFailure) in try store.changeKey() }
    try OutputFile.write(
      arguments.wantsJSON ? document(of: key) : key.text + "\n", arguments)
    try store.finish()
  }

  private static func document(of key: VerifyingKey) -> String {
    var json = JSONWriter()
    json.beginObject()
    json.member("key", key.text)
    json.endObject()
    json.newline()
    return String(decoding: json.take(), as: UTF8.self)
  }

  private static func document(of signed: SignedCheckpoint) -> String {
    var json = JSONWriter()
    json.beginObject()
    json.member("origin", signed.checkpoint.origin)
    json.member("tree_size", signed.checkpoint.size.count)
    json.member("root_hash", signed.checkpoint.root.base64)
    json.member("checkpoint", signed.note.string)
    json.endObject()
    json.newline()
    return String(decoding: json.take(), as: UTF8.self)
  }

  private static func document(of proof: LogProof, _ position: Position) -> String {
    var json = JSONWriter()
    json.beginObject()
    json.member("position", position.rawValue)
    json.member("proof", proof.text)
    json.endObject()
    json.newline()
    return String(decoding: json.take(), as: UTF8.self)
  }
}

/// `--key KEY|FILE`: the halves of keys that check signatures.
enum KeyOption {
  /// The key that is given, or those of a file, one a line; nil without the option.
  static func keys(_ arguments: Arguments) throws(ExitFailure) -> [VerifyingKey]? {
    guard let text = try arguments.value("key") else { return nil }
    // A key has two plus signs in it, and a base64 part: a file is rarely called so.
    if let key = try? VerifyingKey(text: text) { return [key] }
    let lines = try file(text).split(separator: 0x0A)
    guard !lines.isEmpty else { throw ExitFailure(.badData, "\(text) holds no key") }
    do throws(KeyRefusal) {
      return try lines.map { (line) throws(KeyRefusal) in
        try VerifyingKey(text: String(decoding: line, as: UTF8.self))
      }
    } catch {
      throw ExitFailure(
        .badData, "\(text): \(error); `quotalog checkpoint --key` prints the key of a log")
    }
  }

  private static func file(_ text: String) throws(ExitFailure) -> [UInt8] {
    do throws(ExitFailure) { return try InputFile.read(text) } catch {
      throw ExitFailure(
        error.code,
        "--key is neither a key (NAME+ID+KEY, as `quotalog checkpoint --key` prints it) nor a file "
          + "that can be read: \(error.message)")
    }
  }

  /// The keys of the store at hand; none where there is no store.
  static func ownKeys(_ arguments: Arguments) throws(ExitFailure) -> [VerifyingKey] {
    let path = try arguments.dataPath()
    return try usingStore { () throws(StoreFailure) in
      try Store.publishedKeys(ofStoreAt: path)
    }
  }
}

/// A small file that a command reads whole.
enum InputFile {
  static func read(_ path: String) throws(ExitFailure) -> [UInt8] {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure(path) }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var part = [UInt8](repeating: 0, count: 65_536)
    while bytes.count <= limit {
      let count = unsafe part.withUnsafeMutableBytes { (buffer) in
        unsafe Glibc.read(descriptor, buffer.baseAddress, buffer.count)
      }
      guard count >= 0 else { throw failure(path) }
      if count == 0 { return bytes }
      bytes.append(contentsOf: part[..<count])
    }
    throw ExitFailure(.badData, "\(path) is longer than \(limit) bytes")
  }

  private static let limit = 4 << 20

  private static func failure(_ path: String) -> ExitFailure {
    let text = unsafe String(cString: strerror(errno))
    return ExitFailure(errno == EACCES ? .noPermission : .noInput, "\(path): \(text)")
  }
}

/// `--output FILE`, or standard output.
enum OutputFile {
  static func write(_ text: String, _ arguments: Arguments) throws(ExitFailure) {
    guard let path = try arguments.value("output") else {
      return Terminal.write(Array(text.utf8))
    }
    try write(text, to: path)
  }

  static func write(_ text: String, to path: String) throws(ExitFailure) {
    let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o640)
    guard descriptor >= 0 else {
      throw ExitFailure(.cannotCreate, "\(path): \(unsafe String(cString: strerror(errno)))")
    }
    defer { close(descriptor) }
    guard Output(descriptor: descriptor).write(Array(text.utf8)), fsync(descriptor) == 0 else {
      throw ExitFailure(.inputOutput, "\(path): \(unsafe String(cString: strerror(errno)))")
    }
  }
}
