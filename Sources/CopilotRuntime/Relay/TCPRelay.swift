public import EventLoop

/// Listens for clients and copies between each of them and a connection of its own to the service.
public final class TCPRelay {
  private let loop: EventLoop
  private let services: ServiceLauncher
  private let greeting: [UInt8]
  private let complain: (String) -> Void
  private var listener: Listener?
  private var links: [ObjectIdentifier: RelayLink] = [:]

  /// Listens; beyond this machine only with a token. `complain` gets what a client was refused for.
  public init(
    on loop: EventLoop, host: String, port: UInt16, token: String?, services: ServiceLauncher,
    complain: @escaping (String) -> Void
  ) throws(RelayFailure) {
    self.loop = loop
    self.services = services
    self.complain = complain
    greeting = RelayGreeting.frame(token: token)
    do throws(ListenFailure) {
      listener = try Listener(on: loop, host: host, port: port) { [unowned self] in accept($0) }
    } catch {
      throw .listening(error)
    }
    // Nobody has been accepted yet: the loop does that.
    guard token != nil || listener?.isLocal == true else { throw .openWithoutToken(host: host) }
  }

  public var port: UInt16 { listener?.port ?? 0 }

  /// The service may have ended while nobody was connected. Waiting for another one blocks the loop,
  /// which hurts nobody: without a service there are no other clients to serve.
  private func accept(_ client: consuming Socket) {
    do {
      let service = try services.connect()
      let link = try RelayLink(client: client, service: service, greeting, on: loop)
      links[ObjectIdentifier(link)] = link
      link.onEnd = { [unowned self, unowned link] in links[ObjectIdentifier(link)] = nil }
    } catch {
      complain("\(error)")
    }
  }
}

/// A client and its connection to the service.
///
/// When the client ends its side the service may go on answering. When the service ends its side
/// everything is over: there is nobody to talk to.
final class RelayLink {
  /// Called once, outside of any callback of a stream.
  var onEnd: (() -> Void)?

  private let loop: EventLoop
  private let client: RelayEnd
  private let service: RelayEnd
  private var isEnding = false

  init(
    client: consuming Socket, service: consuming Socket, _ greeting: [UInt8], on loop: EventLoop
  ) throws(EventLoopFailure) {
    self.loop = loop
    self.client = try RelayEnd(client, on: loop)
    self.service = try RelayEnd(service, on: loop)
    self.client.stream.acknowledgesAtOnce = true
    self.client.peer = self.service
    self.service.peer = self.client
    self.client.onChange = { [unowned self] in settle() }
    self.service.onChange = { [unowned self] in settle() }
    self.service.stream.write { $0 += greeting }
  }

  private func settle() {
    if client.hasInputEnded { service.stream.endOutput() }
    if service.hasInputEnded || service.isBroken {
      client.stream.pauseReading()
      client.stream.endOutput()
    }
    if client.isBroken || client.stream.hasEndedOutput { end() }
  }

  private func end() {
    guard !isEnding else { return }
    isEnding = true
    client.stream.close()
    service.stream.close()
    loop.runAfterCallback { [self] in onEnd?() }
  }
}

/// One side of a link: passes on what arrives, as fast as the other side takes it.
final class RelayEnd: ByteStreamOwner {
  /// What may wait for the other side before nothing more is read.
  private static let maximumWaiting = 1 << 18

  let stream: ByteStream
  unowned var peer: RelayEnd?
  var onChange: (() -> Void)?
  private(set) var hasInputEnded = false
  private(set) var isBroken = false

  init(_ socket: consuming Socket, on loop: EventLoop) throws(EventLoopFailure) {
    stream = try ByteStream(socket, on: loop)
    stream.owner = self
  }

  deinit { stream.close() }

  func received(_ bytes: Span<UInt8>) {
    guard let peer else { return }
    peer.stream.write { output in
      unsafe bytes.withUnsafeBufferPointer { unsafe output.append(contentsOf: $0) }
    }
    if peer.stream.pendingOutput > Self.maximumWaiting { stream.pauseReading() }
  }

  func inputEnded() {
    hasInputEnded = true
    onChange?()
  }

  func outputAdvanced() {
    if let peer, !peer.hasInputEnded, stream.pendingOutput <= Self.maximumWaiting / 2 {
      peer.stream.resumeReading()
    }
    onChange?()
  }

  func streamBroke() {
    isBroken = true
    onChange?()
  }
}
