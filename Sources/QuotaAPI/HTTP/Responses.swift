internal import HTTPServer
internal import JSON
internal import QuotaModel

extension HTTPResponse {
  /// An answer in JSON.
  static func json(
    _ status: Int, headers: [(name: String, value: String)] = [],
    type: String = "application/json", _ write: (inout JSONWriter) -> Void
  ) -> HTTPResponse {
    var writer = JSONWriter()
    writer.reserveCapacity(256)
    write(&writer)
    return HTTPResponse(
      status: status, headers: [(name: "Content-Type", value: type)] + headers,
      body: writer.take())
  }

  /// The fields of a plain answer in JSON, made once.
  static let jsonHeaders = [(name: "Content-Type", value: "application/json")]

  /// An error as Waldur spells them.
  static func detail(
    _ status: Int, _ text: String, headers: [(name: String, value: String)] = []
  ) -> HTTPResponse {
    json(status, headers: headers) { json in
      json.beginObject()
      json.member("detail", text)
      json.endObject()
    }
  }

  func adding(_ name: String, _ value: String) -> HTTPResponse {
    var response = self
    response.headers.append((name: name, value: value))
    return response
  }
}
