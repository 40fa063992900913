import Foundation
import HTTPServer
import Testing

@Suite struct `back-pressure` {
  @Test func `stops reading the requests of a client that does not read the answers`() throws {
    let server = try TestServer()
    let client = try TestClient(port: server.port, receiveBuffer: 4_096)
    let request = Array("GET /big HTTP/1.1\r\nHost: here\r\n\r\n".repeated(1_000).utf8)
    var sent = 0
    for _ in 0..<200 {
      sent += max(client.sendAsMuchAsGoes(of: request), 0)
      usleep(1_000)
    }
    // The kernel takes a few megabytes; of 200 MB asked for, hardly more was made than that.
    #expect(sent > 32_000)
    #expect(server.onLoop { _, handler in handler.handledCount } < 40)
  }

  @Test func `lets everything through once the client reads`() throws {
    let server = try TestServer()
    let client = try TestClient(port: server.port, receiveBuffer: 4_096)
    try client.send("GET /big HTTP/1.1\r\nHost: here\r\n\r\n".repeated(30))
    usleep(100_000)
    #expect(server.onLoop { _, handler in handler.handledCount } < 30)
    for _ in 0..<30 { #expect(try client.response().body.utf8.count == 1_000_000) }
    #expect(try client.exchange("GET / HTTP/1.1\r\nHost: here\r\n\r\n").status == 200)
  }

  @Test func `does not hold up other clients`() throws {
    let server = try TestServer()
    let stuck = try TestClient(port: server.port, receiveBuffer: 4_096)
    try stuck.send("GET /big HTTP/1.1\r\nHost: here\r\n\r\n".repeated(100))
    let client = try TestClient(port: server.port)
    for _ in 0..<100 {
      #expect(try client.exchange("GET / HTTP/1.1\r\nHost: here\r\n\r\n").status == 200)
    }
  }
}
