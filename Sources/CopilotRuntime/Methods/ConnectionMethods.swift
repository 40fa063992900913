internal import JSON
internal import QuotaModel
internal import QuotaService
internal import Sessions

/// Methods about the connection and the service as a whole.
extension MethodCall {
  func connect() throws(CallFault) {
    if client.hasShutDown { throw .error(.serverShuttingDown) }
    // A token that is no text is a wrong one.
    let token = parameters["token"]
    guard token == nil || token?.string != nil, let identity = try identify(token?.string) else {
      throw .error(.authenticationFailed)
    }
    guard runtime.hasRoom(for: client, as: identity) else {
      throw .text("this user has too many connections: close one of them")
    }
    client.identity = identity
    answer {
      $0.member("ok", true)
      $0.member("protocolVersion", SessionNarrator.protocolVersion)
      $0.member("version", SessionNarrator.version)
    }
  }

  /// Who shows this token; nil for nobody.
  private func identify(_ token: String?) throws(CallFault) -> RuntimeClient.Identity? {
    let local = RuntimeClient.Identity(user: runtime.localUser, viewer: .everybody, token: nil)
    if client.isLocal {
      guard let expected = client.relayedToken else {
        guard let token else { return local }
        return try known(token) ?? local
      }
      if let token, Digester.digest(of: token) == Digester.digest(of: expected) {
        return try known(token) ?? local
      }
    }
    return try token.map { (token) throws(CallFault) in try known(token) } ?? nil
  }

  /// The user of a valid access token.
  private func known(_ token: String) throws(CallFault) -> RuntimeClient.Identity? {
    let digest = Digester.digest(of: token)
    do throws(StoreFailure) {
      guard
        case .user(let user, _, _) = try runtime.hub.queries.identify(
          digest, at: runtime.clock())
      else { return nil }
      return RuntimeClient.Identity(user: user, viewer: .user(user), token: digest)
    } catch {
      throw .text(error.description)
    }
  }

  func ping() throws(CallFault) {
    let message = try parameters.optionalText("message")
    answer {
      $0.member("message", message.map { "pong: \($0)" } ?? "pong")
      $0.member("timestamp", runtime.clock().millisecondText)
      $0.member("protocolVersion", SessionNarrator.protocolVersion)
    }
  }

  func status() throws(CallFault) {
    answer {
      $0.member("version", SessionNarrator.version)
      $0.member("protocolVersion", SessionNarrator.protocolVersion)
    }
  }

  func authStatus() throws(CallFault) {
    let user = client.identity?.user
    let name = try? user.flatMap { try runtime.hub.queries.name(of: $0) }
    answer {
      $0.member("isAuthenticated", true)
      if let user { $0.member("login", name?.description ?? user.description) }
      $0.member("statusMessage", "connected to quotalog")
    }
  }

  func listModels() throws(CallFault) {
    answer { json in
      json.name("models")
      json.beginArray()
      for (model, price) in runtime.settings.prices.sorted(by: { "\($0.key)" < "\($1.key)" }) {
        json.model(model, price, runtime.settings.modelBounds[model])
      }
      json.endArray()
    }
  }

  /// The token-quota half of the product, as the account's quota.
  func quota() throws(CallFault) {
    let reading: UsageReading?
    do throws(StoreFailure) {
      reading =
        try client.identity?.user.map { (user) throws(StoreFailure) in
          try runtime.hub.queries.usage(of: .id(user), at: runtime.clock())
        } ?? nil
    } catch {
      throw .text(error.description)
    }
    answer { json in
      json.name("quotaSnapshots")
      json.beginObject()
      if let reading {
        for period in CountedPeriod.allCases { json.quota(period.period, reading) }
      }
      json.endObject()
    }
  }

  func acceptSetting() throws(CallFault) { answerSuccess() }

  /// The schema has no result for it.
  func acceptPlugins() throws(CallFault) {
    client.connection.answer(request.key, result: Array("null".utf8))
  }

  /// A service that others use as well goes on; only this client has done with it.
  func shutDown() throws(CallFault) {
    client.hasShutDown = true
    for ref in client.attachments.keys { runtime.detach(client, from: ref) }
    client.connection.answer(request.key, result: Array("null".utf8))
  }
}

extension JSONWriter {
  fileprivate mutating func model(
    _ model: ModelName, _ price: ModelPrice, _ bounds: ModelBounds?
  ) {
    beginObject()
    member("id", model.description)
    member("name", model.description)
    name("capabilities")
    beginObject()
    name("supports")
    beginObject()
    member("vision", false)
    member("reasoningEffort", false)
    endObject()
    name("limits")
    beginObject()
    member("max_context_window_tokens", bounds?.contextTokens.rawValue ?? 128_000)
    endObject()
    endObject()
    name("billing")
    beginObject()
    member("multiplier", 1)
    name("tokenPrices")
    beginObject()
    name("inputPrice")
    raw(Array(price.input.credits.utf8))
    name("outputPrice")
    raw(Array(price.output.credits.utf8))
    name("cacheReadPrice")
    raw(Array(price.cacheRead.credits.utf8))
    name("cacheWritePrice")
    raw(Array(price.cacheWrite.credits.utf8))
    member("batchSize", price.batchSize)
    endObject()
    endObject()
    endObject()
  }

  fileprivate mutating func quota(_ period: Period, _ reading: UsageReading) {
    let limit = reading.limits[period]
    let used = reading.used[period].rawValue
    let over = limit.isUnlimited ? 0 : max(0, used - limit.rawValue)
    name("\(period)")
    beginObject()
    member("isUnlimitedEntitlement", limit.isUnlimited)
    member("entitlementRequests", limit.rawValue)
    member("usedRequests", used)
    member("usageAllowedWithExhaustedQuota", false)
    name("remainingPercentage")
    raw(Array(percentage(left: limit, used).utf8))
    member("overage", over)
    member("overageAllowedWithExhaustedQuota", false)
    member("resetDate", reading.windows[period].end.millisecondText)
    endObject()
  }

  /// With one digit behind the point, cut off.
  private func percentage(left limit: TokenLimit, _ used: Int64) -> String {
    if limit.isUnlimited { return "100" }
    guard limit.rawValue > 0 else { return "0" }
    let tenths = Int128(max(0, limit.rawValue - used)) * 1000 / Int128(limit.rawValue)
    return tenths % 10 == 0 ? "\(tenths / 10)" : "\(tenths / 10).\(tenths % 10)"
  }
}
