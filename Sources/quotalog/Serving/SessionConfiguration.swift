internal import HTTPClient
internal import JSON
internal import QuotaModel
internal import QuotaService
internal import Sessions

extension Setting {
  /// Settings about sessions and SDKs.
  static let sessionSettings: [Setting] = [
    runtimeListen, minimumCredits, decisionTimeout, unknownCost, reservationSeconds,
    fallbackReservation, lostCall, callTimeout, callIdle, providerHosts, localUser,
  ]

  private static let runtimeListen = Setting(
    Option(
      "runtime-listen", "HOST:PORT", "where Copilot SDKs connect with an access token (nowhere)"),
    environment: "QUOTALOG_RUNTIME_LISTEN", key: "runtime.listen",
    show: { $0.runtime.map { "\($0.host):\($0.port)" } ?? "" },
    read: { (text, configuration) throws(SettingFault) in
      configuration.runtime = try address(text)
    })

  private static let minimumCredits = Setting(
    Option("session-minimum-ai-credits", "N", "the smallest cap of a session (any above 0)"),
    environment: "QUOTALOG_SESSION_MINIMUM_AI_CREDITS", key: "session.minimum_ai_credits",
    show: { $0.sessions.minimumLimit.credits },
    read: { (text, configuration) throws(SettingFault) in
      configuration.sessions.minimumLimit = try credits(text)
    })

  private static let decisionTimeout = Setting(
    Option(
      "session-decision-timeout-seconds", "N",
      "how long a turn waits when its cap is reached (for ever)"),
    environment: "QUOTALOG_SESSION_DECISION_TIMEOUT_SECONDS",
    key: "session.decision_timeout_seconds",
    show: { $0.sessions.decisionTimeoutSeconds.map(String.init) ?? "" },
    read: { (text, configuration) throws(SettingFault) in
      configuration.sessions.decisionTimeoutSeconds = try seconds(text)
    })

  private static let unknownCost = Setting(
    Option("session-unknown-cost", "allow|refuse", "models without price under a cap (allow)"),
    environment: "QUOTALOG_SESSION_UNKNOWN_COST", key: "session.unknown_cost",
    show: { $0.sessions.refusesUnknownCost ? "refuse" : "allow" },
    read: { (text, configuration) throws(SettingFault) in
      configuration.sessions.refusesUnknownCost =
        try choice(text, of: "allow", "refuse") == "refuse"
    })

  private static let reservationSeconds = Setting(
    Option("session-reservation-seconds", "N", "when the reservation of a lost call ends (600)"),
    environment: "QUOTALOG_SESSION_RESERVATION_SECONDS", key: "session.reservation_seconds",
    show: { String($0.sessions.reservationSeconds) },
    read: { (text, configuration) throws(SettingFault) in
      configuration.sessions.reservationSeconds = try seconds(text)
    })

  private static let fallbackReservation = Setting(
    Option(
      "session-reservation-ai-credits", "N",
      "what a call is taken for that nobody can estimate (1)"),
    environment: "QUOTALOG_SESSION_RESERVATION_AI_CREDITS", key: "session.reservation_ai_credits",
    show: { $0.sessions.fallbackReservation.credits },
    read: { (text, configuration) throws(SettingFault) in
      configuration.sessions.fallbackReservation = try credits(text)
    })

  private static let lostCall = Setting(
    Option(
      "session-lost-call", "charge|free",
      "a call that may have been served and told nothing: counted as its reservation, or not "
        + "(charge)"),
    environment: "QUOTALOG_SESSION_LOST_CALL", key: "session.lost_call",
    show: { $0.ledger.chargesLostCalls ? "charge" : "free" },
    read: { (text, configuration) throws(SettingFault) in
      configuration.ledger.chargesLostCalls = try choice(text, of: "charge", "free") == "charge"
    })

  private static let callTimeout = Setting(
    Option("session-call-timeout-seconds", "N", "how long a model call may take (600)"),
    environment: "QUOTALOG_SESSION_CALL_TIMEOUT_SECONDS", key: "session.call_timeout_seconds",
    show: { String($0.sessions.callTimeoutSeconds) },
    read: { (text, configuration) throws(SettingFault) in
      configuration.sessions.callTimeoutSeconds = try seconds(text)
    })

  private static let callIdle = Setting(
    Option(
      "session-call-idle-seconds", "N", "how long an answer that has begun may pause (60)"),
    environment: "QUOTALOG_SESSION_CALL_IDLE_SECONDS", key: "session.call_idle_seconds",
    show: { String($0.sessions.callIdleSeconds) },
    read: { (text, configuration) throws(SettingFault) in
      configuration.sessions.callIdleSeconds = try seconds(text)
    })

  private static let providerHosts = Setting(
    Option(
      "provider-hosts", "HOST[:PORT]|NETWORK",
      "model endpoints off the public network that sessions may call (none)"),
    environment: "QUOTALOG_PROVIDER_HOSTS", key: "provider_hosts", isList: true,
    show: { $0.providerHosts.map(\.description).joined(separator: ",") },
    read: { (text, configuration) throws(SettingFault) in
      for word in text.split(separator: ",") {
        guard let pattern = ServerPattern(String(word)) else {
          throw SettingFault(
            rule: "must be a host, host:port or network such as localhost:11434 or 10.0.0.0/8")
        }
        configuration.providerHosts.append(pattern)
      }
    })

  private static let localUser = Setting(
    Option("local-user", "USER", "whose sessions SDKs without token begin (nobody's)"),
    environment: "QUOTALOG_LOCAL_USER", key: "runtime.local_user",
    show: { configuration in
      switch configuration.localUser {
      case .id(let user): user.description
      case .name(let name): name
      case nil: ""
      }
    },
    read: { (text, configuration) throws(SettingFault) in
      configuration.localUser = UserReference(text)
    })

  private static func choice(
    _ text: String, of one: String, _ other: String
  ) throws(SettingFault) -> String {
    guard text == one || text == other else {
      throw SettingFault(rule: "must be \(one) or \(other)")
    }
    return text
  }

  private static func credits(_ text: String) throws(SettingFault) -> NanoCredits {
    guard let amount = NanoCredits(credits: text), amount > .zero else {
      throw SettingFault(rule: "must be a number of AI credits above 0")
    }
    return amount
  }

  private static func seconds(_ text: String) throws(SettingFault) -> Int64 {
    guard let number = Int64(text), (1...86_400).contains(number) else {
      throw SettingFault(rule: "must be an integer from 1 to 86400")
    }
    return number
  }
}

/// The tables of a configuration file that are no single settings.
extension ServeConfiguration {
  /// `models`: what each model costs and takes.
  mutating func readModels(_ json: JSONValue, of path: String) throws(ExitFailure) {
    guard json.kind == .object else {
      throw ExitFailure(.badData, "models in \(path) must be an object")
    }
    for (name, value) in json.members {
      let entry = ModelEntry(name: name, json: value, path: path)
      let model = try entry.model()
      // A session that names no model gets the first of the file.
      sessions.defaultModel = sessions.defaultModel ?? model
      sessions.prices[model] = try entry.price()
      sessions.modelBounds[model] = try entry.bounds()
    }
  }

  /// `session_budgets`: user → shared budget.
  mutating func readBudgets(_ json: JSONValue, of path: String) throws(ExitFailure) {
    guard json.kind == .object else {
      throw ExitFailure(.badData, "session_budgets in \(path) must be an object")
    }
    for (name, value) in json.members {
      guard let text = value.string, let budget = try? BudgetID(text) else {
        throw ExitFailure(.badData, "session_budgets.\(name) in \(path) must be a budget's id")
      }
      budgetsOfUsers.append((user: UserReference(name), budget: budget))
    }
  }
}

/// One model of a configuration file.
private struct ModelEntry {
  private static let members: Set<String> = [
    "input_nano_aiu", "output_nano_aiu", "cache_read_nano_aiu", "cache_write_nano_aiu",
    "batch_size", "max_context_tokens", "max_output_tokens",
  ]

  let name: String
  let json: JSONValue
  let path: String

  func model() throws(ExitFailure) -> ModelName {
    guard json.kind == .object else { throw fault("", "must be an object") }
    for (member, _) in json.members where !Self.members.contains(member) {
      throw fault(".\(member)", "is a key that nobody knows")
    }
    do { return try ModelName(name) } catch { throw fault("", error.description) }
  }

  func price() throws(ExitFailure) -> ModelPrice {
    let input = try rate("input_nano_aiu", required: true)
    let output = try rate("output_nano_aiu", required: true)
    let cacheRead = json["cache_read_nano_aiu"] == nil ? input : try rate("cache_read_nano_aiu")
    let cacheWrite = json["cache_write_nano_aiu"] == nil ? input : try rate("cache_write_nano_aiu")
    let batch = try integer("batch_size", in: ModelPrice.batchSizes, required: true) ?? 1
    let price = ModelPrice(
      input: input, output: output, cacheRead: cacheRead, cacheWrite: cacheWrite,
      batchSize: batch)
    guard let price else { throw fault("", "has a price out of range") }
    return price
  }

  func bounds() throws(ExitFailure) -> ModelBounds {
    let context = try integer("max_context_tokens", in: 1...1_000_000_000) ?? 128_000
    let output = try integer("max_output_tokens", in: 1...1_000_000_000)
    return ModelBounds(
      contextTokens: TokenCount(context) ?? .zero, outputTokens: output.flatMap(TokenCount.init))
  }

  private func rate(_ member: StaticString, required: Bool = false) throws(ExitFailure)
    -> NanoCredits
  {
    let number = try integer(member, in: ModelPrice.rates, required: required) ?? 0
    return NanoCredits(number) ?? .zero
  }

  private func integer(
    _ member: StaticString, in range: ClosedRange<Int64>, required: Bool = false
  ) throws(ExitFailure) -> Int64? {
    guard let value = json[member], value.kind != .null else {
      if required { throw fault(".\(member)", "is required") }
      return nil
    }
    guard let number = value.int64, range.contains(number) else {
      throw fault(
        ".\(member)", "must be an integer from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  private func fault(_ member: String, _ rule: String) -> ExitFailure {
    ExitFailure(.badData, "models.\(name)\(member) in \(path) \(rule)")
  }
}
