internal import EventJSON
internal import EventLog
internal import Evidence
internal import HTTPServer
internal import JSON
internal import QuotaModel
internal import QuotaService

/// What auditors need to prove history: `/checkpoint` and `/tile/…` as C2SP `tlog-tiles` says, and proofs
/// that are made here for whoever does not want to make them.
///
/// Hashes and sizes are for every role but `user`, and for everybody where the operator says so; records
/// are for those who may read events, and each for whoever caused it or is concerned by it.
extension QuotaAPI {
  /// The caller, or nil where none is needed.
  func admit(_ request: HTTPRequest, to path: EvidencePath) throws(EarlyAnswer) -> Caller? {
    let isOpen = settings.isEvidencePublic && path.isOfHashes
    guard request.method == .get || request.method == .head || request.method == .options else {
      let problem = Problem(405, "method", "\(request.methodText) is not possible here: GET, HEAD")
      throw EarlyAnswer(problem.response)
    }
    if isOpen, request.headers["authorization"] == nil { return nil }
    let caller = try knownCaller(of: request)
    guard isOpen || request.method == .options || mayUse(path, caller) else {
      throw EarlyAnswer(
        Problem(403, "forbidden", "the role \(caller.role.name) may not do this").response)
    }
    return caller
  }

  private func mayUse(_ path: EvidencePath, _ caller: Caller) -> Bool {
    switch path {
    case .checkpoint, .tile, .inclusion, .consistency, .identity: caller.role.mayReadAnyUsage
    case .entries: caller.role.mayReadEvents
    // Which record it is decides.
    case .receipt: true
    }
  }

  func answer(
    _ request: HTTPRequest, at path: EvidencePath, from caller: Caller?, _ reply: ReplyHandle
  ) -> HTTPResponse? {
    if request.method == .options { return HTTPResponse(status: 204) }
    do throws(Problem) {
      switch path {
      case .checkpoint: return try checkpoint()
      case .tile(let id):
        return try Self.octets(queries) { (queries) throws(StoreFailure) in try queries.tile(id) }
      case .entries(let id):
        return try answerApart(request, for: caller, reply) {
          [queries] () throws(Problem) in
          try Self.octets(queries) { (queries) throws(StoreFailure) in try queries.entries(id) }
        }
      case .inclusion: return try inclusion(QueryParameters(request))
      case .consistency: return try consistency(QueryParameters(request))
      case .receipt(let position): return try receipt(position, caller)
      case .identity: return try identity()
      }
    } catch {
      return error.response
    }
  }

  /// The latest checkpoint: signed now where the last one kept is older than the log.
  private func checkpoint() throws(Problem) -> HTTPResponse {
    let signed = try reading { () throws(StoreFailure) in try queries.checkpoint() }
    return HTTPResponse(
      status: 200,
      headers: [
        (name: "Content-Type", value: "text/plain; charset=utf-8"),
        (name: "Cache-Control", value: "no-cache"),
      ], body: Array(signed.note.string.utf8))
  }

  private static func octets(
    _ queries: Queries, _ read: (Queries) throws(StoreFailure) -> [UInt8]?
  ) throws(Problem) -> HTTPResponse {
    let bytes = try readStore { () throws(StoreFailure) in try read(queries) }
    guard let bytes else { throw try beyondEnd(queries) }
    return HTTPResponse(
      status: 200,
      headers: [
        (name: "Content-Type", value: "application/octet-stream"),
        // What a tile says never changes.
        (name: "Cache-Control", value: "max-age=31536000, immutable, private"),
      ], body: bytes)
  }

  /// `GET /v1/proofs/inclusion?position=&size=`
  private func inclusion(_ query: QueryParameters) throws(Problem) -> HTTPResponse {
    guard let number = try query.integer("position", in: 1...Int64.max) else {
      throw .invalid("position", "is needed")
    }
    let position = Position(UInt64(number))
    let size = try query.integer("size", in: 1...Int64.max).map { TreeSize(UInt64($0)) }
    let proof = try proving { () throws(StoreFailure) in
      try queries.inclusionProof(of: position, in: size)
    }
    return .json(200) { json in
      json.beginObject()
      json.member("position", position)
      json.member("leaf_index", proof.value.index.number)
      json.member("leaf_hash", proof.leaf.base64)
      json.member("tree_size", proof.value.size.count)
      json.member("root_hash", proof.root.base64)
      json.hashes("path", proof.value.path)
      if let checkpoint = proof.checkpoint { json.member("checkpoint", checkpoint.note.string) }
      json.endObject()
    }
  }

  /// `GET /v1/proofs/consistency?from=&to=`
  private func consistency(_ query: QueryParameters) throws(Problem) -> HTTPResponse {
    guard let from = try query.integer("from", in: 0...Int64.max) else {
      throw .invalid("from", "is needed: the size of the older tree")
    }
    let to = try query.integer("to", in: 0...Int64.max).map { TreeSize(UInt64($0)) }
    let proof = try proving { () throws(StoreFailure) in
      try queries.consistencyProof(from: TreeSize(UInt64(from)), to: to)
    }
    return .json(200) { json in
      json.beginObject()
      json.member("from", proof.value.oldSize.count)
      json.member("to", proof.value.newSize.count)
      json.member("from_root_hash", proof.oldRoot.base64)
      json.member("to_root_hash", proof.newRoot.base64)
      json.hashes("path", proof.value.path)
      if let checkpoint = proof.checkpoint { json.member("checkpoint", checkpoint.note.string) }
      json.endObject()
    }
  }

  /// `GET /v1/receipts/{position}`: the proof as C2SP `tlog-proof`, the record inside.
  private func receipt(_ text: String, _ caller: Caller?) throws(Problem) -> HTTPResponse {
    guard let number = UInt64(text), number > 0, String(number) == text else {
      throw .invalid("position", "must be an integer from 1 on")
    }
    let event = try reading { () throws(StoreFailure) in
      try queries.event(at: Position(number))
    }
    // How long the log is, and whether it has such an event, is for those who may read the hashes.
    let knowsSize = caller.map { mayUse(.checkpoint, $0) } ?? false
    guard let event else { throw knowsSize ? try Self.beyondEnd(queries) : .noEventOfYours }
    guard let caller, mayHave(event, caller) else {
      throw knowsSize
        ? Problem(403, "forbidden", "the event concerns somebody else") : .noEventOfYours
    }
    let proof = try proving { () throws(StoreFailure) in
      try queries.proof(of: Position(number))
    }
    return HTTPResponse(
      status: 200, headers: [(name: "Content-Type", value: "text/plain; charset=utf-8")],
      body: Array(proof.text.utf8))
  }

  private func mayHave(_ event: Event, _ caller: Caller) -> Bool {
    caller.role.mayReadEvents || event.actor == caller.actor || event.fact.user == caller.user
  }

  /// `GET /v1/evidence`
  private func identity() throws(Problem) -> HTTPResponse {
    let (origin, key, head) = try reading { () throws(StoreFailure) in
      (try queries.origin(), try queries.verifyingKey(), try queries.head())
    }
    return .json(200) { json in
      json.beginObject()
      json.member("origin", origin.text)
      json.member("key", key.text)
      json.member("position", head)
      json.endObject()
    }
  }

  private func proving<Value>(
    _ body: () throws(StoreFailure) -> Result<Value, ProofRefused>
  ) throws(Problem) -> Value {
    switch try reading(body) {
    case .success(let value): return value
    case .failure(let refused): throw Problem(refused)
    }
  }

  private static func beyondEnd(_ queries: Queries) throws(Problem) -> Problem {
    let head = try readStore { () throws(StoreFailure) in try queries.head() }
    return Problem(.beyondEnd(size: TreeSize(head.rawValue)))
  }
}

extension Problem {
  fileprivate static let noEventOfYours = Problem(
    404, "unknown_event", "no event that concerns you has this position", member: "position")

  fileprivate init(_ refused: ProofRefused) {
    switch refused {
    case .beyondEnd(let size):
      self.init(404, "beyond_end", refused.description, size: size.count)
    case .notInTree(_, let size):
      self.init(404, "not_in_tree", refused.description, member: "size", size: size.count)
    case .sizesInWrongOrder:
      self.init(400, "invalid", "from must not be greater than to", member: "from")
    case .log(let failure):
      self.init(503, "unavailable", failure.description)
    }
  }
}

extension JSONWriter {
  fileprivate mutating func hashes(_ name: StaticString, _ hashes: [Digest256]) {
    self.name(name)
    beginArray()
    for hash in hashes { string(hash.base64) }
    endArray()
  }
}
