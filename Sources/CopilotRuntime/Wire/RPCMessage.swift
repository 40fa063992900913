public import JSON

/// What a frame of a client says (JSON-RPC 2.0).
public enum RPCMessage: Sendable {
  case request(RPCID, RPCCall)
  case notification(RPCCall)
  /// The answer to a request of ours; without a number it fits none of them.
  case response(RPCRequestNumber?, RPCOutcome)
  /// To be answered with this error; the id is null where none could be read.
  case invalid(RPCID?, RPCError)
}

/// A method and what it is called with.
public struct RPCCall: Sendable {
  public let method: String
  /// An object or an array; nil where there are none, or null. It keeps the whole frame in memory.
  public let params: JSONValue?
}

/// The id of a request of ours: 1, 2, 3 and so on, for each connection.
public struct RPCRequestNumber: Hashable, Sendable {
  public let rawValue: Int64
}

/// How a request of ours ended.
public enum RPCOutcome: Sendable {
  case result(JSONValue)
  case failure(RPCRefusal)
  /// The connection has gone, or cannot bring an answer any more.
  case lost
}

/// The error that a client answered with.
public struct RPCRefusal: Error, Sendable {
  public let code: Int64
  public let message: String
  public let data: JSONValue?
}

extension RPCMessage {
  /// Makes a parser for what clients send: the schemas of their tools may nest deeply.
  public static func makeParser() -> JSONParser { JSONParser(maximumDepth: 512) }

  /// Reads the body of one frame.
  public init(_ body: [UInt8], parser: JSONParser) {
    do throws(JSONSyntaxError) {
      self.init(try parser.parse(body))
    } catch {
      if let repaired = replacingLoneSurrogates(in: body) {
        self.init(repaired, parser: parser)
      } else {
        self = IDRecovery.message(in: body, .parseError(error.description), parser)
      }
    }
  }

  private init(_ value: JSONValue) {
    guard value.kind == .object else {
      let isBatch = value.kind == .array
      self = .invalid(nil, .invalidRequest(isBatch ? "no batches" : "expected an object"))
      return
    }
    let id = value["id"].flatMap(RPCID.init)
    if value["jsonrpc"]?.stringEquals("2.0") != true {
      self = .invalid(id, .invalidRequest("jsonrpc must be \"2.0\""))
    } else if let method = value["method"] {
      self = Self.call(value, method, id)
    } else {
      self = Self.response(value, id)
    }
  }

  private static func call(_ value: JSONValue, _ method: JSONValue, _ id: RPCID?) -> RPCMessage {
    guard let name = method.string else {
      return .invalid(id, .invalidRequest("method must be a string"))
    }
    let params = value["params"].flatMap { $0.kind == .null ? nil : $0 }
    guard params.map({ $0.kind == .object || $0.kind == .array }) ?? true else {
      return .invalid(id, .invalidRequest("params must be an object or an array"))
    }
    let call = RPCCall(method: name, params: params)
    if let id { return .request(id, call) }
    guard value["id"] == nil else {
      return .invalid(nil, .invalidRequest("id must be a string, a number or null"))
    }
    return .notification(call)
  }

  /// A response is never answered, not even a malformed one: two peers could go on for ever.
  private static func response(_ value: JSONValue, _ id: RPCID?) -> RPCMessage {
    let number = value["id"]?.int64.flatMap { $0 > 0 ? RPCRequestNumber(rawValue: $0) : nil }
    if let error = value["error"], error.kind != .null || value["result"] == nil {
      return .response(number, .failure(RPCRefusal(error)))
    }
    if let result = value["result"] { return .response(number, .result(result)) }
    return .invalid(id, .invalidRequest("there is no method"))
  }
}

extension RPCRefusal {
  /// Takes what is there; a client that fails badly has failed all the same.
  fileprivate init(_ error: JSONValue) {
    code = error["code"]?.int64 ?? RPCError.internalErrorCode
    message = error["message"]?.string ?? "no message"
    data = error["data"]
  }
}
