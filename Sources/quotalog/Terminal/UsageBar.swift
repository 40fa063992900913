/// How full something is, drawn for a terminal.
enum UsageBar {
  /// Green, then yellow from four fifths on, red when nothing is left; grey dots where `limit` is nil.
  static func text(_ used: Int64, of limit: Int64?, width: Int) -> String {
    guard let limit else { return Terminal.coloured(String(repeating: "·", count: width), .grey) }
    let isFull = used >= limit
    // Only a picture: no decision hangs on it.
    let share = isFull ? 1 : Double(used) / Double(limit)
    let filled = Int(share * Double(width))
    let colour: Terminal.Colour = isFull ? .red : share >= 0.8 ? .yellow : .green
    return Terminal.coloured(String(repeating: "█", count: filled), colour)
      + Terminal.coloured(String(repeating: "░", count: width - filled), .grey)
  }
}
