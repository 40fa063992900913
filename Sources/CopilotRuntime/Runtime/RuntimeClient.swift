internal import JSON
internal import QuotaModel
internal import QuotaService
internal import Sessions

/// One connection of an SDK, and what it may do and hear.
final class RuntimeClient {
  /// Who a client is, once it has connected.
  struct Identity {
    let user: UserID?
    let viewer: SessionViewer
    /// nil for a client that needs none. Asked about with every request, and whenever rights change.
    let token: TokenDigest?

    var actor: Actor { user.map { .user($0) } ?? .operator }
  }

  struct Attachment {
    let subscription: SessionHub.SubscriptionID
    /// Resumptions under way: whoever takes the session up again just now stays when it is ended.
    var resumptionCount = 0
  }

  struct Interest {
    let session: SessionRef
    /// nil for an event type that nobody waits for.
    let id: SessionHub.InterestID?
  }

  let connection: RPCConnection
  unowned let runtime: CopilotRuntime
  /// Whether it came over a socket that only this system user reaches.
  let isLocal: Bool
  /// What the process that passes its bytes on wants to see as token.
  private(set) var relayedToken: String?
  /// Whether nothing has come yet: a relay greets with the first frame, before any byte of its client.
  private var mayBeGreeted: Bool
  var identity: Identity? {
    didSet { if identity != nil { runtime.admit(self) } }
  }
  var attachments: [SessionRef: Attachment] = [:]
  var interests: [String: Interest] = [:]
  /// Whether the application answers model calls itself.
  var answersModelCalls = false
  /// Model calls that it is answering, by request id.
  var modelCalls: [String: HandlerCall] = [:]
  var hasShutDown = false

  init(_ connection: RPCConnection, of runtime: CopilotRuntime, isLocal: Bool) {
    self.connection = connection
    self.runtime = runtime
    self.isLocal = isLocal
    mayBeGreeted = isLocal
    connection.delegate = self
  }

  /// Passes an event of a session on.
  func send(_ event: [UInt8], of session: String) {
    var json = JSONWriter()
    json.reserveCapacity(event.count + 80)
    json.beginObject()
    json.member("sessionId", session)
    json.name("event")
    json.raw(event)
    json.endObject()
    connection.notify("session.event", json.take())
  }

  func releaseInterests(in ref: SessionRef) {
    for (handle, interest) in interests where interest.session == ref {
      interests[handle] = nil
      if let id = interest.id { runtime.hub.releaseInterest(id) }
    }
  }

  private func leave() {
    answersModelCalls = false
    let calls = modelCalls.values
    modelCalls = [:]
    for call in calls { call.connectionLost() }
    releaseInterests()
  }

  /// The client may only read any more: nobody counts on its answers.
  func giveUpAnswering() {
    let calls = modelCalls.values
    modelCalls = [:]
    for call in calls { call.rightsEnded() }
    releaseInterests()
  }

  private func releaseInterests() {
    let ended = interests.values
    interests = [:]
    for interest in ended {
      if let id = interest.id { runtime.hub.releaseInterest(id) }
    }
  }
}

extension RuntimeClient: RPCConnectionDelegate {
  func connectionMayBeTold(_ connection: RPCConnection) -> Bool { runtime.mayBeTold(self) }

  func connection(_ connection: RPCConnection, received request: RPCRequest) {
    mayBeGreeted = false
    MethodCall(request, of: self).run()
  }

  func connection(_ connection: RPCConnection, received notification: RPCCall) {
    defer { mayBeGreeted = false }
    guard mayBeGreeted, notification.method == "quotalog.relay" else { return }
    relayedToken = notification.params?["token"]?.string
  }

  func connection(_ connection: RPCConnection, cancelled request: RPCRequest.Key) {}

  func connectionInputEnded(_ connection: RPCConnection) { leave() }

  func connection(_ connection: RPCConnection, closedBecause reason: RPCClosing) {
    leave()
    runtime.forget(self)
  }
}
