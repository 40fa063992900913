/// The command line by which an SDK starts us as its runtime (session-limits contract, 4.1).
///
/// SDKs add flags from version to version: what is not known is passed over with a note.
public struct SpawnOptions: Sendable {
  /// How the SDK will talk to us.
  public enum Way: Hashable, Sendable {
    /// Frames on standard input and output.
    case stdio
    /// Frames over TCP; port 0 takes a free one.
    case tcp(host: String, port: UInt16)
  }

  public private(set) var way = Way.tcp(host: "127.0.0.1", port: 0)
  /// What a TCP client has to show when it connects; nil for nothing.
  public private(set) var token: String?
  /// The store's directory, where the command line names one.
  public private(set) var dataPath: String?
  /// What was passed over, as sentences for standard error.
  public private(set) var notes: [String] = []

  /// Environment variables that hold a secret of this client, and none of the service's.
  public private(set) var secretVariables: Set<String> = [Self.tokenVariable]

  /// Whether a command line is an SDK's rather than one of a user's commands.
  public static func isSpawn(_ arguments: [String]) -> Bool {
    let names = arguments.map { word in String(word.prefix { $0 != "=" }) }
    if names.contains("--headless") || names.contains("--stdio") { return true }
    return names.contains("--port") && names[0].hasPrefix("--")
  }

  public init(
    _ arguments: [String], environment: (String) -> String?
  ) throws(SpawnOptionFault) {
    var flags = Flags(arguments)
    while let flag = flags.next() { notes += flag.note.map { [$0] } ?? [] }
    dataPath = flags.values["--data"]
    let host = flags.values["--host"] ?? "127.0.0.1"
    let port = try flags.values["--port"].map(Self.port) ?? 0
    way = flags.values["--stdio"] == nil ? .tcp(host: host, port: port) : .stdio
    let authVariable = flags.values["--auth-token-env"]
    if let authVariable { secretVariables.insert(authVariable) }
    token = Self.token(authVariable, environment)
  }

  private static let tokenVariable = "COPILOT_CONNECTION_TOKEN"

  /// Where SDKs put a token for GitHub, which their clients do not show to us.
  private static let gitHubTokenVariable = "COPILOT_SDK_AUTH_TOKEN"

  private static func token(
    _ authVariable: String?, _ environment: (String) -> String?
  ) -> String? {
    for case let name? in [tokenVariable, authVariable] where name != gitHubTokenVariable {
      if let token = environment(name), !token.isEmpty { return token }
    }
    return nil
  }

  private static func port(_ text: String) throws(SpawnOptionFault) -> UInt16 {
    guard text.utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }),
      let port = UInt16(text)
    else { throw .badPort(text) }
    return port
  }
}

/// Why the command line of an SDK is refused.
public enum SpawnOptionFault: Error, Hashable, Sendable {
  case badPort(String)
}

extension SpawnOptionFault: CustomStringConvertible {
  public var description: String {
    switch self {
    case .badPort(let text): "--port must be a number from 0 to 65535, not \(text)"
    }
  }
}

/// Takes a command line apart, flag by flag.
private struct Flags {
  private static let switches: Set = [
    "--headless", "--no-auto-update", "--stdio", "--no-auto-login",
  ]
  private static let valued: Set = [
    "--log-level", "--port", "--host", "--auth-token-env", "--session-idle-timeout", "--data",
  ]

  /// The last value of every known flag; empty for a switch.
  private(set) var values: [String: String] = [:]
  private var rest: ArraySlice<String>

  init(_ words: [String]) { rest = words[...] }

  /// What to say about the next word, if anything; nil at the end.
  mutating func next() -> (note: String?, Void)? {
    guard let word = rest.popFirst() else { return nil }
    let name = String(word.prefix { $0 != "=" })
    let attached = word.count > name.count ? String(word.dropFirst(name.count + 1)) : nil
    guard !Self.switches.contains(name) else {
      values[name] = ""
      return (nil, ())
    }
    guard Self.valued.contains(name) else { return ("ignored the unknown argument \(word)", ()) }
    guard let value = attached ?? takeValue() else {
      return ("ignored \(name) without a value", ())
    }
    values[name] = value
    return (nil, ())
  }

  /// Another flag is no value: the one before it lacks its own.
  private mutating func takeValue() -> String? {
    guard let word = rest.first, !word.hasPrefix("--") else { return nil }
    return rest.popFirst()
  }
}
