internal import QuotaModel

/// How far a client has come with a session's events: the last one that is kept, and what it has
/// heard of those that are only in memory. Its text means nothing to clients.
struct SessionCursor: Hashable {
  /// The last event that is kept; nil before the first.
  var place: SessionEventPlace?
  /// The process in which `serial` counts.
  var epoch: UInt64
  var serial: UInt64

  init(place: SessionEventPlace?, epoch: UInt64, serial: UInt64) {
    self.place = place
    self.epoch = epoch
    self.serial = serial
  }

  /// Reads what `text` wrote; `0` is the beginning.
  init?(_ text: String) {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
    let numbers = parts.compactMap(Self.number)
    guard numbers.count == parts.count, numbers.count == 3 || numbers == [0] else { return nil }
    let place = SessionEventPlace(number: numbers[0])
    // A number that names no position.
    guard numbers[0] == 0 || place.position > .zero else { return nil }
    self.place = numbers[0] == 0 ? nil : place
    epoch = numbers.count == 3 ? numbers[1] : 0
    serial = numbers.count == 3 ? numbers[2] : 0
  }

  var text: String {
    [place?.number ?? 0, epoch, serial].map { String($0, radix: 16) }.joined(separator: "-")
  }

  private static func number(_ digits: Substring) -> UInt64? {
    guard (1...16).contains(digits.utf8.count),
      digits.utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) })
    else { return nil }
    return UInt64(digits, radix: 16)
  }
}
