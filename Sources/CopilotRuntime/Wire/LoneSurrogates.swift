/// JSON text in which every escaped half of a character has become U+FFFD; nil where there is none.
///
/// A client that cuts a text in the middle of an emoji sends half of a surrogate pair, as `\ud83d`.
/// Its own JSON library does so without complaint. Ours refuses it, rightly, but then the client would
/// wait for ever: an answer to what cannot be parsed has no id.
func replacingLoneSurrogates(in json: [UInt8]) -> [UInt8]? {
  var result = json
  var hasChanged = false
  var index = 0
  while let backslash = json[index...].firstIndex(of: UInt8(ascii: "\\")) {
    let unit = escapedUnit(at: backslash, in: json)
    switch unit {
    case 0xD800...0xDBFF where 0xDC00...0xDFFF ~= escapedUnit(at: backslash + 6, in: json):
      index = backslash + 12
    case 0xD800...0xDFFF:
      result.replaceSubrange(backslash + 2..<backslash + 6, with: "fffd".utf8)
      hasChanged = true
      index = backslash + 6
    default: index = min(backslash + 2, json.count)
    }
  }
  return hasChanged ? result : nil
}

/// The UTF-16 unit that is escaped there with four digits; 0 where none is.
private func escapedUnit(at index: Int, in json: [UInt8]) -> UInt16 {
  guard index + 6 <= json.count, json[index] == UInt8(ascii: "\\"),
    json[index + 1] == UInt8(ascii: "u")
  else { return 0 }
  return UInt16(String(decoding: json[index + 2..<index + 6], as: UTF8.self), radix: 16) ?? 0
}
