import Testing

@testable import HTTPClient

@Suite struct `A network address` {
  @Test(arguments: [
    "8.8.8.8", "1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0",
    "126.255.255.255", "128.0.0.0", "169.253.255.255", "172.15.255.255", "172.32.0.0",
    "192.167.255.255", "198.17.255.255", "198.20.0.0", "223.255.255.255", "2606:4700::1",
    "2a00::1", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1", "2001:200::1",
  ]) func `is public`(text: String) throws {
    #expect(try #require(NetworkAddress(text)).isPublic)
  }

  @Test(arguments: [
    "0.0.0.0", "10.0.0.0", "10.255.255.255", "100.64.0.0", "100.127.255.255", "127.0.0.1",
    "127.255.255.255", "169.254.169.254", "172.16.0.0", "172.31.255.255", "192.0.0.1",
    "192.0.2.1", "192.88.99.1", "192.168.255.255", "198.18.0.0", "198.19.255.255",
    "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1",
    "255.255.255.255", "::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1",
    "64:ff9b::127.0.0.1", "64:ff9b:1::1", "2002:7f00:1::1", "2001::1", "2001:db8::1",
    "2001:1ff::1", "3fff::1", "4000::1", "100::1", "fc00::1", "fdff::1", "fe80::1", "fec0::1",
    "ff02::1",
  ]) func `is not public`(text: String) throws {
    #expect(try !#require(NetworkAddress(text)).isPublic)
  }

  @Test func `of this machine is known`() throws {
    #expect(try #require(NetworkAddress("127.0.0.1")).isOwn)
    #expect(try !#require(NetworkAddress("192.0.2.1")).isOwn)
  }
}

@Suite struct `The rules for destinations` {
  @Test(
    arguments: [
      ("127.0.0.1", "127.0.0.1", "any", 80, true), ("127.0.0.2", "127.0.0.1", "any", 80, false),
      ("127.0.0.1:80", "127.0.0.1", "any", 80, true),
      ("127.0.0.1:80", "127.0.0.1", "any", 81, false),
      ("127.0.0.0/8", "127.9.9.9", "any", 1, true), ("10.0.0.0/9", "10.127.0.1", "any", 1, true),
      ("10.0.0.0/9", "10.128.0.1", "any", 1, false), ("0.0.0.0/0", "10.0.0.1", "any", 1, true),
      ("0.0.0.0/0", "fd00::1", "any", 1, false), ("::/0", "fd00::1", "any", 1, true),
      ("::/0", "10.0.0.1", "any", 1, false), ("[::1]:99", "::1", "any", 99, true),
      ("::1", "::1", "any", 5, true), ("fd00::/8", "fd12::1", "any", 5, true),
      ("localhost", "127.0.0.1", "localhost", 5, true),
      ("LocalHost.", "::1", "LOCALHOST", 5, true), ("localhost", "127.0.0.1", "other", 5, false),
      ("models.lan:8000", "10.1.1.1", "models.lan", 8000, true),
      ("models.lan:8000", "10.1.1.1", "models.lan", 8001, false),
    ] as [(String, String, String, UInt16, Bool)])
  func `allow what is listed`(
    listed: String, address: String, host: String, port: UInt16, isAllowed: Bool
  ) throws {
    let rules = Destinations(listed: [try #require(ServerPattern(listed))])
    let address = try #require(NetworkAddress(address))
    #expect(rules.allow(address, host: host, port: port) == isAllowed)
  }

  @Test func `allow this machine to its own processes only`() throws {
    let loopback = try #require(NetworkAddress("127.0.0.1"))
    let local = Destinations(allowsLoopback: true)
    #expect(local.allow(loopback, host: "x", port: 1))
    #expect(!Destinations().allow(loopback, host: "x", port: 1))
    #expect(!local.allow(try #require(NetworkAddress("10.0.0.1")), host: "x", port: 1))
    #expect(Destinations().allow(try #require(NetworkAddress("8.8.8.8")), host: "x", port: 1))
  }

  @Test(arguments: ["", "a b", "http://x", "x:99999", ":80", "[::1", "10.0.0.0/33", "::/129"])
  func `are refused where they are no servers`(text: String) {
    #expect(ServerPattern(text) == nil)
  }
}

@Suite struct `The URL of an endpoint` {
  @Test(arguments: [
    ("http://h/v1", "http://h/v1/c"), ("http://h", "http://h/c"), ("http://h//", "http://h/c"),
    ("http://h/v1?a=b&c", "http://h/v1/c?a=b&c"), ("http://h/v1?x=", "http://h/v1/c?x="),
    ("http://h/v1#f", "http://h/v1/c"), ("https://u:p@h:8443/v1/?q#f", "https://h:8443/v1/c?q"),
    ("http://[::1]:9/v1", "http://[::1]:9/v1/c"),
  ]) func `takes a suffix where it belongs`(base: String, whole: String) throws {
    #expect(try #require(EndpointURL(base, appending: "/c")).text == whole)
  }

  @Test func `hands out its user part decoded`() throws {
    let url = try #require(EndpointURL("http://a%40b:p%3Aq@h/?k=v"))
    #expect(url.user == "a@b")
    #expect(url.password == "p:q")
    #expect(url.query == "k=v")
    #expect(url.text == "http://h/?k=v")
  }

  @Test(arguments: ["", "h/v1", "ftp://h", "file:///etc/passwd", "http://", "http://a b/"])
  func `is none where it is not absolute`(text: String) {
    #expect(EndpointURL(text) == nil)
  }
}
