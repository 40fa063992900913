internal import EventJSON
internal import HTTPClient
internal import QuotaAPI
internal import QuotaModel
internal import QuotaService
internal import Sessions
internal import Webhooks

/// What `serve` needs to know, from flags, environment, file and defaults.
struct ServeConfiguration {
  var host = "127.0.0.1"
  var port: UInt16 = 8080
  var api = APISettings()
  /// nil: as the store has it.
  var timeZone: String?
  var weekStart: Weekday?
  var defaults = PerPeriod<TokenLimit?>(repeating: nil)
  var ledger = LedgerSettings()
  /// The share of a processor that goes into comparing answers with the log, in percent.
  var auditPercent = 2
  /// Where SDKs connect over TCP; nil: nowhere.
  var runtime: (host: String, port: UInt16)?
  var sessions = SessionSettings()
  /// Whose sessions local SDKs begin; nil: nobody's.
  var localUser: UserReference?
  /// Model endpoints that sessions may call although they are not on the public network.
  var providerHosts: [ServerPattern] = []
  /// Shared budgets that sessions join by themselves.
  var budgetsOfUsers: [(user: UserReference, budget: BudgetID)] = []
  /// Who outside is told what happened.
  var webhooks: [Webhook] = []
  /// Whether it serves spawned processes, and ends when the last one has gone.
  var isBackground = false
}

/// One setting: where it can be given, and how its text is read.
struct Setting: Sendable {
  let option: Option
  let environment: String
  let key: String
  /// Several values; in the environment they are separated by commas.
  let isList: Bool
  let read: @Sendable (String, inout ServeConfiguration) throws(SettingFault) -> Void
  let show: @Sendable (ServeConfiguration) -> String

  init(
    _ option: Option, environment: String, key: String, isList: Bool = false,
    show: @escaping @Sendable (ServeConfiguration) -> String,
    read: @escaping @Sendable (String, inout ServeConfiguration) throws(SettingFault) -> Void
  ) {
    self.option = option
    self.environment = environment
    self.key = key
    self.isList = isList
    self.read = read
    self.show = show
  }
}

/// Why the text of a setting is refused.
struct SettingFault: Error {
  let rule: String
}

extension Setting {
  static let all: [Setting] =
    [
      listen, pathPrefix, omittedLimits, timeZone, weekStart, registersUnknownUsers, allowedOrigins,
    ] + Period.allCases.map(defaultLimit)
    + [thresholds, maximumLateness, checkpointSeconds, publicEvidence, auditPercent]
    + sessionSettings

  private static let listen = Setting(
    Option("listen", "HOST:PORT", "where to listen; port 0 takes a free one (127.0.0.1:8080)"),
    environment: "QUOTALOG_LISTEN", key: "listen", show: { "\($0.host):\($0.port)" },
    read: { (text, configuration) throws(SettingFault) in
      (configuration.host, configuration.port) = try address(text)
    })

  /// `HOST:PORT`, an IPv6 address in brackets.
  static func address(_ text: String) throws(SettingFault) -> (host: String, port: UInt16) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count >= 2, let port = UInt16(parts[parts.count - 1]) else {
      throw SettingFault(rule: "must be HOST:PORT with a port from 0 to 65535")
    }
    var host = parts.dropLast().joined(separator: ":")
    if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
    guard !host.isEmpty else { throw SettingFault(rule: "needs a host, such as 127.0.0.1") }
    return (host, port)
  }

  private static let pathPrefix = Setting(
    Option("path-prefix", "PATH", "what every path starts with, such as /quota (none)"),
    environment: "QUOTALOG_PATH_PREFIX", key: "path_prefix", show: { $0.api.pathPrefix },
    read: { (text, configuration) throws(SettingFault) in
      let path = text.hasSuffix("/") ? String(text.dropLast()) : text
      guard
        path.isEmpty || (path.hasPrefix("/") && !path.utf8.contains { $0 <= 0x20 || $0 == 0x3F })
      else { throw SettingFault(rule: "must start with /") }
      configuration.api.pathPrefix = path
    })

  private static let omittedLimits = Setting(
    Option(
      "omitted-limits", "default|unchanged", "what set_quota does with absent limits (default)"),
    environment: "QUOTALOG_OMITTED_LIMITS", key: "chat_quota.omitted_limits",
    show: { $0.api.omittedLimits.rawValue },
    read: { (text, configuration) throws(SettingFault) in
      guard let value = APISettings.OmittedLimits(rawValue: text) else {
        throw SettingFault(rule: "must be default or unchanged")
      }
      configuration.api.omittedLimits = value
    })

  private static let timeZone = Setting(
    Option("time-zone", "ZONE", "moves the windows to another zone (as the store has it)"),
    environment: "QUOTALOG_TIME_ZONE", key: "calendar.time_zone",
    show: { $0.timeZone ?? "" },
    read: { (text, configuration) throws(SettingFault) in
      do {
        _ = try TimeZones.calendar(CalendarSetting(zone: text, weekStart: .monday))
      } catch {
        throw SettingFault(rule: "must be a zone of the tz database, such as Europe/Tallinn")
      }
      configuration.timeZone = text
    })

  private static let weekStart = Setting(
    Option("week-start", "DAY", "the day that weeks begin on (as the store has it)"),
    environment: "QUOTALOG_WEEK_START", key: "calendar.week_start",
    show: { $0.weekStart?.name ?? "" },
    read: { (text, configuration) throws(SettingFault) in
      guard let day = Weekday(name: text) else {
        throw SettingFault(rule: "must be a day such as monday")
      }
      configuration.weekStart = day
    })

  private static let registersUnknownUsers = Setting(
    Option("register-unknown-users", nil, "register users that usage names for the first time"),
    environment: "QUOTALOG_REGISTER_UNKNOWN_USERS", key: "users.register_unknown",
    show: { String($0.api.registersUnknownUsers) },
    read: { (text, configuration) throws(SettingFault) in
      configuration.api.registersUnknownUsers = try truth(of: text)
    })

  private static let allowedOrigins = Setting(
    Option("allowed-origin", "ORIGIN", "a browser origin that may read answers, or * (none)"),
    environment: "QUOTALOG_ALLOWED_ORIGINS", key: "cors.allowed_origins", isList: true,
    show: { $0.api.allowedOrigins.text },
    read: { (text, configuration) throws(SettingFault) in
      guard text == "*" || text.contains("://") else {
        throw SettingFault(rule: "must be * or an origin such as https://example.org")
      }
      switch configuration.api.allowedOrigins {
      case .any: break
      case .only(let origins):
        configuration.api.allowedOrigins = text == "*" ? .any : .only(origins.union([text]))
      }
    })

  private static func defaultLimit(_ period: Period) -> Setting {
    let name = period.name
    return Setting(
      Option("default-\(name)", "N", "sets the system's \(name) default; -1 is unlimited"),
      environment: "QUOTALOG_DEFAULT_\(name.uppercased())", key: "defaults.\(name)",
      show: { $0.defaults[period].map { String($0.rawValue) } ?? "" },
      read: { (text, configuration) throws(SettingFault) in
        guard let number = Int64(text), let limit = TokenLimit(number) else {
          throw SettingFault(rule: "must be an integer from -1 (unlimited) to 9007199254740991")
        }
        configuration.defaults[period] = limit
      })
  }
}

extension Setting {
  private static let thresholds = Setting(
    Option("thresholds", "PERCENTS", "shares of a limit that are told, or none (50,80,90,100)"),
    environment: "QUOTALOG_THRESHOLDS", key: "thresholds.percent",
    show: { $0.ledger.thresholds.percents.map(String.init).joined(separator: ",") },
    read: { (text, configuration) throws(SettingFault) in
      let words = text == "none" ? [] : text.split(separator: ",", omittingEmptySubsequences: false)
      let percents = words.compactMap { UInt8($0) }
      guard percents.count == words.count, let thresholds = Thresholds(percents) else {
        throw SettingFault(
          rule: "must be none, or up to 16 different numbers from 1 to 200, such as 80,100")
      }
      configuration.ledger.thresholds = thresholds
    })

  private static let maximumLateness = Setting(
    Option("maximum-lateness-seconds", "N", "how late usage may be reported (however late)"),
    environment: "QUOTALOG_MAXIMUM_LATENESS_SECONDS", key: "usage.maximum_lateness_seconds",
    show: { $0.ledger.maximumLatenessSeconds.map(String.init) ?? "" },
    read: { (text, configuration) throws(SettingFault) in
      guard let seconds = Int64(text), (1...3_155_760_000).contains(seconds) else {
        throw SettingFault(rule: "must be an integer from 1 to 3155760000 seconds")
      }
      configuration.ledger.maximumLatenessSeconds = seconds
    })
}

extension Setting {
  private static let checkpointSeconds = Setting(
    Option(
      "checkpoint-seconds", "N", "from one signed checkpoint to the next, while the log grows (60)"),
    environment: "QUOTALOG_CHECKPOINT_SECONDS", key: "evidence.checkpoint_seconds",
    show: { String($0.ledger.checkpointSeconds) },
    read: { (text, configuration) throws(SettingFault) in
      guard let seconds = Int64(text), (1...86_400).contains(seconds) else {
        throw SettingFault(rule: "must be an integer from 1 to 86400 seconds")
      }
      configuration.ledger.checkpointSeconds = seconds
    })

  private static let auditPercent = Setting(
    Option("audit-percent", "N", "of a processor, to fold accounts afresh and compare; 0: not (2)"),
    environment: "QUOTALOG_AUDIT_PERCENT", key: "audit.percent",
    show: { String($0.auditPercent) },
    read: { (text, configuration) throws(SettingFault) in
      guard let percent = Int(text), (0...50).contains(percent) else {
        throw SettingFault(rule: "must be an integer from 0 to 50")
      }
      configuration.auditPercent = percent
    })

  private static let publicEvidence = Setting(
    Option("public-evidence", nil, "checkpoints, tiles and proofs (hashes only) need no token"),
    environment: "QUOTALOG_PUBLIC_EVIDENCE", key: "evidence.public",
    show: { String($0.api.isEvidencePublic) },
    read: { (text, configuration) throws(SettingFault) in
      configuration.api.isEvidencePublic = try truth(of: text)
    })

  /// A switch, as flags, environments and files spell it.
  static func truth(of text: String) throws(SettingFault) -> Bool {
    switch text {
    case "", "true", "1", "yes": true
    case "false", "0", "no": false
    default: throw SettingFault(rule: "must be true or false")
    }
  }
}

extension APISettings.AllowedOrigins {
  fileprivate var text: String {
    switch self {
    case .any: "*"
    case .only(let origins): origins.sorted().joined(separator: ",")
    }
  }
}
