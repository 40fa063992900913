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
    let flags = Flags(arguments)
    notes = flags.notes
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
  private(set) var notes: [String] = []

  init(_ words: [String]) {
    var rest = words[...]
    while let word = rest.popFirst() { take(word, &rest) }
  }

  private mutating func take(_ word: String, _ rest: inout ArraySlice<String>) {
    let name = String(word.prefix { $0 != "=" })
    if Self.switches.contains(name) {
      values[name] = ""
    } else if !Self.valued.contains(name) {
      // What a flag brings along may be a secret.
      let what = name.hasPrefix("-") ? "the unknown flag \(name)" : "a value of an unknown flag"
      notes.append("ignored \(what)")
    } else if word.count > name.count {
      values[name] = String(word.dropFirst(name.count + 1))
    } else if let value = rest.first, !value.hasPrefix("--") {
      values[name] = rest.popFirst()
    } else {
      // What follows is a flag of its own.
      notes.append("ignored \(name) without a value")
    }
  }
}
