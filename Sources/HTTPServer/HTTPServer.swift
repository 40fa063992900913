public import EventLoop

/// HTTP/1.1 over a loop: hands requests to a handler and sends its answers in their order.
///
/// Lives on its loop's thread, and keeps its handler. Clients that send what is not HTTP, too much,
/// or too slowly are refused here; the handler sees none of it.
public final class HTTPServer {
  /// The port in use, also when 0 was asked for.
  public private(set) var port: UInt16 = 0

  private let loop: EventLoop
  private let context: ConnectionContext
  private let capacity: ConnectionCapacity
  private(set) var connections = ConnectionTable()
  private var listener: Listener?
  private var sweeper: LoopTimer?
  private var drainTimer: LoopTimer?
  private var onDrained: (() -> Void)?

  /// Binds and listens; connections are taken as soon as the loop runs.
  public init(
    loop: EventLoop, host: String, port: UInt16, limits: HTTPServerLimits = HTTPServerLimits(),
    handler: any HTTPHandler
  ) throws(HTTPServerFailure) {
    self.loop = loop
    context = ConnectionContext(loop: loop, limits: limits, handler: handler)
    capacity = ConnectionCapacity(wanted: limits.connections)
    try listen(host, port)
    try startSweeping()
  }

  // The callbacks below hold the server unowned, and end here. Not `weak`, which would make every
  // retain of the server twice as dear: that was an eighth of the cost of a request.
  deinit {
    sweeper?.cancel()
    drainTimer?.cancel()
  }

  /// Connections that have not been closed on both sides, refused ones included.
  public var openConnections: Int { connections.count }

  /// Gives the answer to a request that was left open. Called on the loop's thread.
  ///
  /// Ignored when the connection is gone or the request already has an answer.
  public func complete(_ reply: ReplyHandle, _ response: HTTPResponse) {
    connections[reply.connection]?.answer(reply.sequence, with: response)
  }

  /// Stops to accept, closes what rests, ends open streams, finishes what runs, and then calls
  /// `done`, once.
  ///
  /// Whatever is still open after `deadlineSeconds` is closed without regard.
  public func drain(deadlineSeconds: Int, _ done: @escaping () -> Void) {
    precondition(!context.isDraining, "a server is drained once")
    context.isDraining = true
    listener = nil
    for connection in connections.all { connection.drain() }
    onDrained = done
    do throws(EventLoopFailure) {
      let milliseconds = connections.count == 0 ? 0 : deadlineSeconds * 1000
      drainTimer = try loop.schedule(after: milliseconds) { [unowned self] in endDrain() }
    } catch {
      endDrain()
    }
  }

  /// Lets go of a connection that has closed.
  func forget(_ connection: HTTPConnection) {
    connections.remove(connection.id)
    if context.isDraining, connections.count == 0 { endDrain() }
  }
}

extension HTTPServer {
  private func listen(_ host: String, _ port: UInt16) throws(HTTPServerFailure) {
    do throws(ListenFailure) {
      let listener = try Listener(on: loop, host: host, port: port) { [unowned self] socket in
        accept(socket)
      }
      self.port = listener.port
      self.listener = listener
    } catch {
      throw HTTPServerFailure(error)
    }
  }

  private func startSweeping() throws(HTTPServerFailure) {
    do throws(EventLoopFailure) {
      sweeper = try loop.schedule(every: Deadlines.sweepMilliseconds) { [unowned self] in
        checkDeadlines()
      }
    } catch {
      throw .loop(error)
    }
  }

  /// Takes a connection, if only to tell it that there are too many; beyond that, closes it.
  private func accept(_ socket: consuming Socket) {
    guard connections.count < capacity.total else { return }
    let isRefused = connections.count >= capacity.served
    let socket = consume socket
    do throws(EventLoopFailure) {
      let stream = try ByteStream(socket, on: loop)
      let connection = HTTPConnection(stream, id: connections.nextID, context, server: self)
      connections.add(connection)
      if isRefused { connection.refuse(.tooManyConnections) }
    } catch {
      // Without memory for it the connection is closed, which tells the client to come back.
    }
  }

  private func checkDeadlines() {
    context.sweep += 1
    for connection in connections.all { connection.checkDeadlines() }
  }

  private func endDrain() {
    guard let done = onDrained else { return }
    onDrained = nil
    drainTimer?.cancel()
    for connection in connections.all { connection.drop() }
    done()
  }
}
