internal import JSON

/// Where settings come from: flags win over the environment, that over the file.
extension ServeConfiguration {
  init(_ arguments: Arguments) throws(ExitFailure) {
    self.init()
    isBackground = arguments.has("background")
    let file = try ConfigurationFile(arguments)
    if let models = file.models { try readModels(models, of: file.path) }
    if let budgets = file.budgets { try readBudgets(budgets, of: file.path) }
    if let webhooks = file.webhooks { try readWebhooks(webhooks, of: file.path) }
    for setting in Setting.all {
      let name = setting.option.name
      if arguments.has(name) {
        let texts = arguments.values(name)
        guard setting.isList || texts.count == 1 else {
          throw .usage("--\(name) may be given once")
        }
        try read(setting, texts, from: "--\(name)", .usage)
      } else if let text = Environment[setting.environment] {
        let texts = setting.isList ? text.split(separator: ",").map(String.init) : [text]
        try read(setting, texts, from: setting.environment, .usage)
      } else if let texts = file.values[setting.key] {
        try read(setting, texts, from: "\(setting.key) in \(file.path)", .badData)
      }
    }
  }

  private mutating func read(
    _ setting: Setting, _ texts: [String], from source: String, _ code: ExitCode
  ) throws(ExitFailure) {
    for text in texts {
      do {
        try setting.read(text, &self)
      } catch {
        throw ExitFailure(code, "\(source) \(error.rule), not \(text.isEmpty ? "empty" : text)")
      }
    }
  }

  /// Every setting with its value, as a configuration file.
  var document: [UInt8] {
    var json = JSONWriter()
    json.beginObject()
    for setting in Setting.all {
      json.name(setting.key)
      let text = setting.show(self)
      if text.isEmpty { json.null() } else { json.string(text) }
    }
    json.endObject()
    json.newline()
    return json.take()
  }
}

/// A JSON object of settings; keys are nested or joined by dots.
private struct ConfigurationFile {
  let path: String
  private(set) var values: [String: [String]] = [:]
  private(set) var models: JSONValue?
  private(set) var budgets: JSONValue?
  private(set) var webhooks: JSONValue?

  init(_ arguments: Arguments) throws(ExitFailure) {
    guard let path = try arguments.value("config") ?? Environment["QUOTALOG_CONFIG"] else {
      path = ""
      return
    }
    self.path = path
    let reader = try LineReader(path)
    var bytes: [UInt8] = []
    while let line = try reader.next() { bytes += line + [0x0A] }
    let json: JSONValue
    do {
      json = try JSONParser().parse(bytes)
    } catch {
      throw ExitFailure(.badData, "\(path) is not JSON: \(error)")
    }
    guard json.kind == .object else {
      throw ExitFailure(.badData, "\(path) must hold a JSON object")
    }
    try take(json, prefix: "")
  }

  private mutating func take(_ object: JSONValue, prefix: String) throws(ExitFailure) {
    for (name, value) in object.members {
      let key = prefix + name
      if key == "models" {
        models = value
        continue
      }
      if key == "session_budgets" {
        budgets = value
        continue
      }
      if key == "webhooks" {
        webhooks = value
        continue
      }
      if value.kind == .object {
        try take(value, prefix: key + ".")
        continue
      }
      guard Setting.all.contains(where: { $0.key == key }) else {
        throw ExitFailure(.badData, "\(path) has a key that nobody knows: \(key)")
      }
      if value.kind == .null { continue }
      values[key] = try texts(value, key)
    }
  }

  private func texts(_ value: JSONValue, _ key: String) throws(ExitFailure) -> [String] {
    switch value.kind {
    case .string: return [value.string ?? ""]
    case .number: return [value.numberText ?? ""]
    case .boolean: return [value.bool == true ? "true" : "false"]
    case .array:
      var all: [String] = []
      for element in value.elements { all += try texts(element, key) }
      return all
    case .null, .object: throw ExitFailure(.badData, "\(key) in \(path) must be a plain value")
    }
  }
}
