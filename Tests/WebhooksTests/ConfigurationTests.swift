import Encodings
import Testing

@testable import Webhooks

@Suite struct `A webhook's parts` {
  @Test(arguments: ["a", "ops", "A.b_c-9", String(repeating: "x", count: 64)])
  func `have a name`(text: String) throws {
    #expect(try WebhookName(text).description == text)
  }

  @Test(arguments: ["", "a b", "ä", "a/b", "a\n", "a:b", String(repeating: "x", count: 65)])
  func `have no other name`(text: String) {
    #expect(throws: WebhookRule.self) { try WebhookName(text) }
  }

  @Test(arguments: [
    "http://127.0.0.1:8080", "https://example.org/hooks?key=1#x", "HTTP://example.org/",
    "https://user:word@example.org:444/a", "http://[::1]:80/",
  ])
  func `have a URL`(text: String) { #expect(throws: Never.self) { try WebhookURL(text) } }

  @Test(arguments: [
    "", "example.org", "/hooks", "ftp://example.org/", "file:///etc/passwd", "http://",
    "http://example.org/a b", "http://example.org/\r\nX: 1", "http://exämple.org/",
    "http://example.org:port/", "http://example.org/" + String(repeating: "x", count: 2048),
  ])
  func `have no other URL`(text: String) {
    #expect(throws: WebhookRule.self) { try WebhookURL(text) }
  }

  /// URLs and what of them may be shown.
  static let shown = [
    ("http://example.org", "http://example.org/"),
    ("http://example.org/", "http://example.org/"),
    ("http://example.org?key=k3y", "http://example.org/"),
    ("https://example.org:444/services/k3y?key=k3y", "https://example.org:444/…"),
    ("https://u:k3y@example.org/a#k3y", "https://example.org/…"),
    ("https://k3y@example.org?a=/b@c", "https://example.org/"),
    ("https://u:k3y@example.org/@a", "https://example.org/…"),
  ]

  @Test(arguments: shown)
  func `show a URL without what is secret`(text: String, shown: String) throws {
    #expect(try WebhookURL(text).description == shown)
  }

  @Test(arguments: [24, 25, 26, 32, 63, 64])
  func `have a secret of 24 to 64 bytes`(count: Int) {
    let text = "whsec_" + Base64.encode(Array(repeating: 7, count: count))
    #expect(throws: Never.self) { try WebhookSecret(text) }
  }

  @Test(arguments: [
    "", "whsec_", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYX", "WHSEC_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX",
    "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX=", "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRY",
    "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRY-", "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX\n",
    "whsec_" + Base64.encode(Array(repeating: 7, count: 23)),
    "whsec_" + Base64.encode(Array(repeating: 7, count: 65)),
    // Bits behind the last byte.
    "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGB==",
  ])
  func `have no other secret`(text: String) {
    #expect(throws: WebhookRule.self) { try WebhookSecret(text) }
  }

  @Test func `never show the secret`() throws {
    let webhook = Webhook(
      name: try WebhookName("ops"), url: try WebhookURL("http://u:k3y@example.org/?k3y"),
      secret: try WebhookSecret("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"))
    var dumped = ""
    dump(webhook.secret, to: &dumped)
    let texts = ["\(webhook.secret)", String(reflecting: webhook.secret), dumped]
    for text in texts {
      #expect(
        !text.contains("AAEC") && !text.contains("0, 1, 2") && !text.contains("22"), "\(text)")
    }
  }
}

@Suite struct `A message's signature` {
  struct Vector: Sendable {
    let secret: String
    let id: String
    let timestampSeconds: Int64
    let body: String
    let signature: String
  }

  /// What Python's `hmac` makes of the same.
  static let vectors = [
    Vector(
      secret: "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX", id: "log-7",
      timestampSeconds: 1_700_000_000, body: #"{"a":1}"#,
      signature: "v1,T7joub55VAz900T7a6BqbTke3wWAANiY3li4Kh/VS2Q="),
    Vector(
      secret: "whsec_ZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7fH1+f4CBgoOEhYaHiImKi4yNjo+QkZKTlJWWl5iZ"
        + "mpucnZ6foKGiow==", id: "0190-12", timestampSeconds: 0, body: "",
      signature: "v1,BhkntEBqgIgAnIKFhOQSsJexHgr/TY9P2nH2rq2qVkM="),
    Vector(
      secret: "whsec_cXVvdGFsb2ctd2ViaG9vay1zZWNyZXQtMDEyMzQ1Njc4OQ==",
      id: "x-18446744073709551615", timestampSeconds: 4_102_444_800, body: #"{"reason":"õ€"}"#,
      signature: "v1,l0duIqCSCWLB/EmNQdL3lZ4/URF6s4oM7xDrzOC1Kwo="),
  ]

  @Test(arguments: vectors)
  func `is the HMAC of id, time and body`(vector: Vector) throws {
    let secret = try WebhookSecret(vector.secret)
    let signature = secret.signature(
      id: vector.id, timestampSeconds: vector.timestampSeconds, body: Array(vector.body.utf8))
    #expect(signature == vector.signature)
  }
}
