import Foundation
import HTTPClient
import Testing

@Suite(.timeLimit(.minutes(1))) struct `an answer` {
  @Test(arguments: [200, 204, 301, 404, 429, 500])
  func `has its status, its fields and its body`(status: Int) throws {
    let body = status == 204 ? "" : "hello"
    let server = try LoopbackServer { connection in
      _ = connection.request()
      connection.send("HTTP/1.1 \(status) Whatever\r\nX-One:  1 \r\nx-two: a\r\nX-Two: b\r\n")
      if status == 301 { connection.send("Location: http://127.0.0.1:1/\r\n") }
      connection.send("Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
    }
    let answer = try ClientOnLoop().answer(OutgoingRequest(method: "GET", url: server.url()))
    #expect(answer.failure == nil)
    #expect(answer.status == status)
    #expect(answer.text == body)
    #expect(answer["x-one"] == ["1"])
    #expect(answer["x-two"] == ["a", "b"])
    #expect(answer.endings == 1)
  }

  @Test func `arrives part by part while the server is still writing`() throws {
    let server = try LoopbackServer { connection in
      _ = connection.request()
      connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
      for part in ["one", "two", "six"] {
        connection.send("3\r\n\(part)\r\n")
        usleep(100_000)
      }
      connection.send("0\r\nX-Trailer: t\r\n\r\n")
    }
    let answer = try ClientOnLoop().answer(OutgoingRequest(method: "GET", url: server.url()))
    #expect(answer.text == "onetwosix")
    #expect(answer["x-trailer"] == [])
    let moments = answer.partMoments
    try #require(moments.count == 3)
    #expect(moments[1] - moments[0] > .milliseconds(50))
    #expect(moments[2] - moments[1] > .milliseconds(50))
  }

  @Test func `begins after the interim answers before it`() throws {
    let server = try LoopbackServer { connection in
      _ = connection.request()
      connection.send("HTTP/1.1 102 Processing\r\nX-Interim: 1\r\n\r\n")
      connection.send("HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n")
      connection.answer("201 Created", "made")
    }
    let answer = try ClientOnLoop().answer(OutgoingRequest(method: "GET", url: server.url()))
    #expect(answer.status == 201)
    #expect(answer.headers.map(\.name) == ["content-length"])
    #expect(answer.text == "made")
  }

  @Test func `may end with the connection`() throws {
    let server = try LoopbackServer { connection in
      _ = connection.request()
      connection.send("HTTP/1.0 200 OK\r\n\r\nall of it")
    }
    let answer = try ClientOnLoop().answer(OutgoingRequest(method: "GET", url: server.url()))
    #expect(answer.text == "all of it")
    #expect(answer.failure == nil)
  }

  @Test func `to HEAD has no body whatever it says`() throws {
    let server = try LoopbackServer { connection in
      while connection.request() != nil {
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n")
      }
    }
    let answer = try ClientOnLoop().answer(OutgoingRequest(method: "HEAD", url: server.url()))
    #expect(answer.failure == nil)
    #expect(answer["content-length"] == ["500"])
    #expect(answer.body == [])
  }

  @Test func `is not unpacked`() throws {
    let server = try LoopbackServer { connection in
      _ = connection.request()
      connection.send("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc")
    }
    let answer = try ClientOnLoop().answer(OutgoingRequest(method: "GET", url: server.url()))
    #expect(answer.text == "abc")
  }

  @Test func `of many million bytes comes whole`() throws {
    let size = 20_000_000
    let server = try LoopbackServer { connection in
      _ = connection.request()
      connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(size)\r\n\r\n")
      connection.send([UInt8](repeating: 0x61, count: size))
    }
    let answer = try ClientOnLoop().answer(OutgoingRequest(method: "GET", url: server.url()))
    #expect(answer.failure == nil)
    #expect(answer.parts.map(\.count).reduce(0, +) == size)
  }
}
