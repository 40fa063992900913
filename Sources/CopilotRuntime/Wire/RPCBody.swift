internal import JSON

/// Bodies of the frames that we send; payloads are JSON that has been written already.
public enum RPCBody {
  public static func result(_ id: RPCID, _ result: [UInt8]) -> [UInt8] {
    written(extra: result.count) { writer in
      writer.name("id")
      writer.raw(id.json)
      writer.name("result")
      writer.raw(result)
    }
  }

  /// Without an id it is null, as where none could be read.
  public static func error(_ id: RPCID?, _ error: RPCError) -> [UInt8] {
    written(extra: 0) { writer in
      writer.name("id")
      writer.raw((id ?? .null).json)
      writer.name("error")
      writer.beginObject()
      writer.member("code", error.code)
      writer.member("message", error.message)
      if let data = error.data {
        writer.name("data")
        writer.raw(data)
      }
      writer.endObject()
    }
  }

  public static func request(
    _ number: RPCRequestNumber, _ method: StaticString, _ params: [UInt8]
  ) -> [UInt8] {
    written(extra: params.count) { writer in
      writer.member("id", number.rawValue)
      writer.call(method, params)
    }
  }

  public static func notification(_ method: StaticString, _ params: [UInt8]) -> [UInt8] {
    written(extra: params.count) { writer in writer.call(method, params) }
  }

  private static func written(
    extra: Int, _ members: (inout JSONWriter) -> Void
  ) -> [UInt8] {
    var writer = JSONWriter()
    writer.reserveCapacity(extra + 128)
    writer.beginObject()
    writer.member("jsonrpc", "2.0")
    members(&writer)
    writer.endObject()
    return writer.take()
  }
}

extension JSONWriter {
  fileprivate mutating func call(_ method: StaticString, _ params: [UInt8]) {
    member("method", method.description)
    name("params")
    raw(params)
  }
}
