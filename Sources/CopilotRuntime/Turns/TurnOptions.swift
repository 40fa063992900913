internal import JSON

/// How a session's model is called, as its clients said when they created or resumed it. It is kept in
/// memory only: a provider has secrets.
struct TurnOptions {
  var provider: Provider?
  var isStreaming: Bool?
  var systemMessage: String?

  init(_ parameters: Parameters, isLocal: Bool) throws(CallFault) {
    provider = try parameters["provider"].map { (json) throws(CallFault) in
      try Provider(json, isLocal: isLocal)
    }
    isStreaming = try parameters.bool("streaming")
    systemMessage = try parameters.systemMessage()
  }
}
