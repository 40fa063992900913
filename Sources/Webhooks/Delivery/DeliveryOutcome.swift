/// What became of an attempt to deliver an event.
enum DeliveryOutcome: Hashable {
  case taken
  /// The receiver wants nothing more, ever: 410.
  case gone
  case failed(String, askedSeconds: Int? = nil)

  /// What an answer means.
  init(status: Int, headers: [(name: String, value: String)]) {
    switch status {
    case 200..<300: self = .taken
    case 410: self = .gone
    case 300..<400:
      self = .failed("The receiver answered \(status), and redirects are not followed.")
    default:
      let asked = headers.first { $0.name == "retry-after" }
      self = .failed(
        "The receiver answered \(status).",
        askedSeconds: asked.flatMap { Backoff.seconds(retryAfter: $0.value) })
    }
  }
}
